# shellcheck shell=bash
# What is published of the sources, for release.sh and debian.sh, in the repository's outermost folder.

version=$(sed -n 's/^#define NNMPI_VERSION "\(.*\)"/\1/p' include/nnmpi/version.h)

# archive FILE: what is committed, as nnmpi-VERSION.tar.gz; equal bytes each time
archive() { git archive --prefix="nnmpi-$version/" HEAD | gzip -9n >"$1"; }
