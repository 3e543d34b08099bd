#!/bin/sh
# Makes configure from configure.ac; needs autoconf, automake, autoconf-archive, pkg-config.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf --install --warnings=all
