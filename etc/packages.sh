# Debian 12 packages, each with its reason; read by ./run and ./check, which install what is
# missing. configure names the same libraries when one is not there.

build_packages=$(cat <<'END'
gcc g++ make                the compilers, C11 and C++17 (DCMTK is C++)
autoconf automake           makes configure and the makefile
autoconf-archive            the macro for C++17
pkg-config                  finds the libraries
libdcmtk-dev                DICOM: negotiation of associations, data sets, pixel decoders
libopenjp2-7-dev            JPEG 2000 and HTJ2K, which DCMTK does not decode
libsqlite3-dev              the index: instances, jobs, deliveries
libyaml-dev                 reads the configuration, with line and column
libjansson-dev              JSON, with whole 64-bit integers
libpng-dev                  key images
libfreetype-dev             text in pictures
fonts-dejavu-core           the font of that text
libmicrohttpd-dev           the web page and its API
libcurl4-openssl-dev        tumorctl asks the node over its Unix socket
libarchive-dev              tumorctl opens ZIP, TAR and the like
libssl-dev                  SHA-256, and DICOM over TLS
zlib1g-dev                  deflated data sets, gzip, and the journal's check sums
libseccomp-dev              the cage of the workers
libsystemd-dev              tells systemd when the node is ready
libcunit1-dev               the unit tests' frame
END
)

run_packages=$(cat <<'END'
dcmtk                       sends the demo study as a scanner would: dcmsend, dcmdump
END
)

test_packages=$(cat <<'END'
clang                       the second compiler
libclang-rt-14-dev          its sanitizers and libFuzzer
curl                        asks the web side from outside
procps                      finds the roles of a node (pgrep)
ghdl-llvm                   simulates the VHDL of hw/ beside its C twin
dicom3tools                 dciodvfy, which judges the objects that we make
libgdcm-tools               decodes and encodes pixels beside us
openjph-tools               encodes HTJ2K
orthanc                     a PACS to deliver to
python3-odil                a third DICOM stack that asks and retrieves
python3-nibabel             reads our NIfTI files, and writes some for us
python3-numpy python3-scipy  the arithmetic to compare with
python3-pydicom             reads our objects back
python3-skimage             segmentation to compare with
xz-utils                    make dist
END
)

# packages_of LIST…: the names alone.
packages_of() {
    printf '%s\n' "$@" | sed -E 's/  +.*//' | tr ' ' '\n' | sed '/^$/d'
}

# packages_missing NAME…: those that are not installed, on one line.
packages_missing() {
    for name; do
        status=$(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null) || :
        [ "$status" = installed ] || printf '%s ' "$name"
    done
}

# packages_install NAME…: installs what is missing, as root or by sudo. On a terminal it
# asks first; without one it never asks.
packages_install() {
    command -v dpkg-query >/dev/null ||
        { echo "this is not Debian: install the packages of etc/packages.sh by hand" >&2; return 1; }
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    echo "These Debian packages are missing: $missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            { echo "only root can install them, and there is no sudo" >&2; return 1; }
        as_root=sudo
    fi
    if [ -t 0 ] && [ -t 1 ]; then
        printf 'Install them now? [Y/n] '
        read -r answer || answer=n
        case $answer in
        [nN]*) echo "nothing was installed" >&2; return 1 ;;
        esac
    elif [ -n "$as_root" ]; then
        as_root='sudo -n'           # no terminal: never asks, not even for a password
    fi
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    # The lists may be absent (a bare image) or old: then update, and try once more.
    # shellcheck disable=SC2086
    $install $missing >/dev/null 2>&1 || {
        $as_root apt-get update && $install $missing
    } || { echo "apt-get could not install: $missing" >&2; return 1; }
}

# build_tree FOLDER TARGET… : an out-of-tree build; CONFIGURE holds configure's arguments.
# make itself finds out what has changed, and that takes less than a second when nothing has.
build_tree() {
    folder=$1 source=$PWD
    shift
    [ -x ./configure ] || ./autogen.sh || return 1
    mkdir -p "$folder"
    # shellcheck disable=SC2086
    [ -f "$folder/Makefile" ] || (cd "$folder" && "$source/configure" --quiet ${CONFIGURE:-}) || return 1
    make --no-print-directory --directory="$folder" -j"$(nproc)" "$@"
}
