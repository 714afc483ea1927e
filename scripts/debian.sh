#!/usr/bin/env bash
# The Debian packages, by packaging/debian, of what is committed:
#   debian.sh [FOLDER]          source and binary packages in FOLDER (build/debian); what `Build-Depends` names has to
#                               be installed
#   debian.sh --test [FOLDER]   as root in a system that is made for it, as debootstrap makes one:
#                               installs what that wants, lets lintian look at the packages, and autopkgtest install
#                               and try them
set -euo pipefail
cd "$(dirname "$0")/.."

test=no
if [ "${1:-}" = --test ]; then
    test=yes
    shift
fi
if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
    printf 'usage: debian.sh [--test] [FOLDER]\n' >&2
    exit 2
fi
folder=${1:-build/debian}

install() { env DEBIAN_FRONTEND=noninteractive apt-get "$1" -y -q --no-install-recommends "${@:2}"; }
[ "$test" = no ] || install install git ca-certificates dpkg-dev lintian autopkgtest

# shellcheck source=scripts/archive.sh
. scripts/archive.sh
source=$folder/nnmpi-$version
rm -rf "$folder"
mkdir -p "$folder"
archive "$folder/nnmpi_$version.orig.tar.gz"
tar -C "$folder" -xzf "$folder/nnmpi_$version.orig.tar.gz"
cp -r "$source/packaging/debian" "$source/debian"
[ "$test" = no ] || install build-dep "$(realpath "$source")"
(cd "$source" && dpkg-buildpackage -us -uc)
[ "$test" = yes ] || exit 0

# Whoever uploads it to Debian has a bug number to close.
lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$folder"/*.changes
autopkgtest "$folder"/*.deb "$folder"/*.dsc -- null
