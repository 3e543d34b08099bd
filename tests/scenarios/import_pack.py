"""Packs for tumorctl import: good ones, and each kind that must fail well.

import_pack.py good FOLDER OUT   nested.zip, study.tar.gz, one.dcm.gz, one.dcm.xz from the DICOM files of FOLDER
import_pack.py bad FOLDER OUT    a pack each, with its sentence in OUT/cases: NAME<tab>REGEX
import_pack.py patients FOLDER   what tumorctl says of its patients, counted by pydicom
"""
import gzip
import io
import lzma
import os
import sys
import tarfile
import zipfile

from pydicom import dcmread


def files(folder):
    return sorted(os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def zip_of(entries, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return packed.getvalue()


def tar_of(entries, mode="w:gz"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in entries:
            if isinstance(data, tarfile.TarInfo):
                archive.addfile(data)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def good(folder, out):
    paths = files(folder)
    parts = [paths[i::4] for i in range(4)]
    entries = [[(os.path.relpath(path, folder), read(path)) for path in part] for part in parts]
    inmost = zip_of(entries[0])
    nested = tar_of([("deep/inner.zip", inmost)] + entries[1])
    write(os.path.join(out, "nested.zip"), zip_of([("a/b/c/study.tgz", nested), (".DS_Store", b"x"),
                                                   ("__MACOSX/a/._b", b"x")] + entries[2]))
    write(os.path.join(out, "rest.tar.bz2"), tar_of(entries[3][2:], "w:bz2"))
    write(os.path.join(out, "one.dcm.gz"), gzip.compress(entries[3][0][1]))
    write(os.path.join(out, "one.dcm.xz"), lzma.compress(entries[3][1][1]))


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return (name, info)


def encrypted(data):
    packed = bytearray(zip_of([("secret.dcm", data)]))
    for at, magic in ((6, b"PK\3\4"), (8, b"PK\1\2")):
        packed[packed.find(magic) + at] |= 1
    return bytes(packed)


def bad(folder, out):
    path = files(folder)[0]
    data = read(path)
    whole = zip_of([("a.dcm", data), ("b.dcm", data)], zipfile.ZIP_STORED)
    deep = data
    for depth in range(6):
        deep = zip_of([(f"{depth}.zip" if depth else "in.dcm", deep)], zipfile.ZIP_STORED)
    bomb = bytearray(1 << 20)
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("bomb.dcm", "w", force_zip64=True) as entry:
            entry.write(data[:2000])
            for _ in range(1200):
                entry.write(bomb)
    # A member that nobody wants, of 8 GiB of nothing: its head, and of its bytes as many as the budget stops at.
    info = tarfile.TarInfo("nothing.bin")
    info.size = 8 << 30
    info.type = tarfile.REGTYPE
    huge = info.tobuf(tarfile.GNU_FORMAT) + bytes(900 << 20)
    cases = [
        ("dots.zip", zip_of([("../../evil.dcm", data)]), r"dots\.zip: \.\./\.\./evil\.dcm: its name leads out"),
        ("inside.zip", zip_of([("a/../../evil.dcm", data)]), r"a/\.\./\.\./evil\.dcm: its name leads out"),
        ("absolute.tar", tar_of([("/tmp/evil.dcm", data)], "w"), r"/tmp/evil\.dcm: its name is an absolute path"),
        ("windows.zip", zip_of([("..\\evil.dcm", data)]), r"evil\.dcm: its name leads out"),
        ("symbolic.tar", tar_of([link("a.dcm", "/etc/passwd", tarfile.SYMTYPE)], "w"), r"a\.dcm: it is a link"),
        ("hard.tar", tar_of([link("a.dcm", "/etc/passwd", tarfile.LNKTYPE)], "w"), r"a\.dcm: it is a link"),
        ("device.tar", tar_of([link("null", "", tarfile.CHRTYPE)], "w"), r"null: it is no regular file"),
        ("encrypted.zip", encrypted(data), r"secret\.dcm: it (is encrypted|cannot be unpacked)"),
        ("cut.zip", whole[:len(whole) * 2 // 3], r"cut\.zip: (it cannot|b\.dcm: it cannot)"),
        ("cut.dcm.gz", gzip.compress(data)[:-2000], r"cut\.dcm(\.gz)?: it cannot be (read|unpacked)"),
        ("flipped.dcm.xz", lzma.compress(data)[:3000] + b"?" * 500 + lzma.compress(data)[3500:],
         r"flipped\.dcm(\.xz)?: it cannot be (read|unpacked)"),
        ("text.zip", zip_of([("read me.txt", b"hello")]), r"text\.zip: read me\.txt: .*DICOM"),
        ("empty.zip", zip_of([("nothing", b"")]), r"nothing: it is empty"),
        ("deep.zip", deep, r"an archive in more than four others"),
        ("bomb.zip", zeros.getvalue(), r"bomb\.zip: .*like a bomb"),
        ("unwanted.tar.xz", lzma.compress(lzma.compress(huge)), r"unwanted\.tar(\.xz)?: .*like a bomb"),
        ("name\x1b[31m.dcm", b"no DICOM at all" * 20, r"name\?\[31m\.dcm: .*DICOM"),
        ("headless", data[132:][:100], r"headless: "),
    ]
    with open(os.path.join(out, "cases"), "w", encoding="utf-8") as table:
        for name, packed, sentence in cases:
            write(os.path.join(out, name), packed)
            table.write(f"{name}\t{sentence}\n")


def patients(folder):
    found = {}
    for path in files(folder):
        one = dcmread(path, stop_before_pixels=True)
        found.setdefault(str(one.PatientID), []).append(one)
    for patient, all_of_it in sorted(found.items()):
        studies = len({one.StudyInstanceUID for one in all_of_it})
        series = len({one.SeriesInstanceUID for one in all_of_it})
        kinds = ", ".join(sorted({one.Modality for one in all_of_it}))
        print(f"patient {patient} ({all_of_it[0].PatientName}): {studies} {'study' if studies == 1 else 'studies'}, "
              f"{series} series ({kinds}), {len(all_of_it)} instances")


if __name__ == "__main__":
    {"good": good, "bad": bad, "patients": patients}[sys.argv[1]](*sys.argv[2:])
