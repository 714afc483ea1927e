#!/usr/bin/env bash
# Of what is committed: builds of the same sources in different folders, with SOURCE_DATE_EPOCH, install equal files, but for the Fortran
# library, in which gfortran writes the paths of its sources whatever it is told; the archive of cpack
# runs wherever it is unpacked; and NNMPI_STATIC makes a program with the same digest that wants no library but MPI's.
# full: yes
# timeout: 3600
# processors: 2
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
export SOURCE_DATE_EPOCH=1700000000 CCACHE_DISABLE=1

# shellcheck source=scripts/archive.sh
(cd "$SOURCE_DIR" && . scripts/archive.sh && archive "$trash/sources.tar.gz") || skip "the sources are no git checkout"
mkdir sources
tar -C sources --strip-components 1 -xzf sources.tar.gz

# build FOLDER [CMAKE OPTION...]: of a copy of the sources; -g, as debug information knows folders
build() {
    cp -r sources "$1"
    cmake -S "$1" -B "$1/made" -DCMAKE_C_FLAGS=-g -DNNMPI_TESTS=OFF -DNNMPI_FORTRAN=OFF "${@:2}" >"$1.log"
    cmake --build "$1/made" -j 2 >>"$1.log"
}
build one
mkdir deeper
build deeper/two
for folder in one deeper/two; do
    DESTDIR=$trash/$folder.installed cmake --install "$folder/made" >>"$folder.log"
done
diff -rq one.installed deeper/two.installed >differences.log || fail "two builds differ"

(cd one/made && cpack -G TGZ) >cpack.log
mkdir anywhere
tar -C anywhere --strip-components 1 -xzf one/made/nnmpi-*.tar.gz
rm -r one deeper

build static -DNNMPI_STATIC=ON -DNNMPI_ONEDNN=OFF
readelf -d static/made/nnmpi | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
expect_no_line 'lib(openblas|hdf5|yaml|csv|crypto|png|jpeg|dnnl)' needed

export NNMPI_GEMM=openblas # which the static one has
for program in "$NNMPI" anywhere/bin/nnmpi static/made/nnmpi; do
    run_ranks 2 "$program" train "$SOURCE_DIR/datasets/iris/iris.yaml" -q --run "run-${program//\//-}" >out
    grep '^digest ' out >>digests
done
[ "$(sort -u digests | wc -l)" -eq 1 ] || fail "digests differ: $(cat digests)"
