#!/usr/bin/env bash
# The Debian package takes what is installed: every pattern of packaging/debian finds files, every file of an
# installation is in one package, or said to be in none, and the versions agree. scripts/debian.sh builds it.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
[ -d "$BUILD_DIR/bindings/fortran" ] || skip "there is no Fortran interface, which the packages have"
debian=$SOURCE_DIR/packaging/debian

cmake --install "$BUILD_DIR" --prefix "$trash/installed/usr" >install.txt
python=$(dirname "$(find installed -path '*/nnmpi/_library.py')")
[ "$python" = . ] || rm -r "$python" # which pybuild installs
cd installed
libraries=$(dirname "$(find . -name libnnmpi.a)")
[ "$libraries" != ./usr/lib ] || { # where Debian has them
    mkdir usr/lib/any
    find usr/lib -mindepth 1 -maxdepth 1 ! -name any ! -name 'python3*' -exec mv {} usr/lib/any \;
}

# files PATTERN...: those that match, and are below what matches
files() {
    local pattern
    for pattern in "$@"; do
        compgen -G "$pattern" >matches || fail "packaging/debian: no file is $pattern"
        xargs -d '\n' -I{} find {} ! -type d <matches
    done
}

for list in "$debian"/*.install "$debian/not-installed"; do
    [ "${list##*/}" != nnmpi-doc.install ] || continue
    mapfile -t patterns < <(cut -d ' ' -f 1 "$list")
    files "${patterns[@]}"
done | sort >../packaged
find usr ! -type d | sort >../all
cd ..
rm installed/matches
expect_same all packaged

while read -r path _; do
    [ -e "$SOURCE_DIR/$path" ] || fail "nnmpi-doc.install: there is no $path"
done <"$debian/nnmpi-doc.install"
version=$(sed -n 's/^#define NNMPI_VERSION "\(.*\)"/\1/p' "$SOURCE_DIR/include/nnmpi/version.h")
expect_line "^nnmpi \($version-[0-9]+\) " "$debian/changelog"
