#!/usr/bin/env bash
# A build with another BLAS than OpenBLAS trains: BLIS. What no BLAS is compiled into is taken from the build under test.
# timeout: 180
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
! is_sanitized || skip "programs are not sanitized here"
compgen -G '/usr/lib/*/libblis.so' >/dev/null || skip "no BLIS (libblis-openmp-dev)"
cc=$(cached CMAKE_C_COMPILER)
options=(-DCMAKE_C_COMPILER="$cc" -DNNMPI_TESTS=OFF -DNNMPI_FORTRAN=OFF -DNNMPI_PYTHON=OFF)
for name in NNMPI_MPI NNMPI_ONEDNN NNMPI_IMAGES; do
    options+=("-D$name=$(cached $name)")
done

# configure VENDOR: in a folder of this name
configure() {
    cmake -G Ninja -S "$SOURCE_DIR" -B "$1" -DBLA_VENDOR="$1" "${options[@]}" >cmake.log 2>err
}

# Where `update-alternatives` has OpenBLAS stand for any BLAS, it is not taken for one.
if [[ $(readlink -f /usr/lib/*/libblas.so) == *openblas* ]]; then
    expect_code 1 configure Generic
    tr -s ' \n' ' ' <err >message
    expect_line 'is OpenBLAS; leave BLA_VENDOR out' message
fi

configure FLAME
objects=(FLAME/CMakeFiles/nn_math.dir/src/math/gemm/{blas,gemm}.c.o)
ninja --quiet -C FLAME "${objects[@]#FLAME/}"
cp "$BUILD_DIR/libnnmpi.a" .
ar r libnnmpi.a "${objects[@]}"
read -ra libraries <<<"$(ninja -C FLAME -t commands nnmpi | tail -n 1 | sed -n 's/.* libnnmpi\.a \(.*\) && :$/\1/p')"
mapfile -t program < <(find "$BUILD_DIR/CMakeFiles/nnmpi.dir" -name '*.o')
"$cc" -o nnmpi "${program[@]}" libnnmpi.a "${libraries[@]}" -fopenmp

export OMP_NUM_THREADS=2 # which BLIS would take for each product of a thread
./nnmpi --version -v >out
expect_line '^matrix products +BLIS [0-9.]+' out
run_ranks 2 ./nnmpi train "$SOURCE_DIR/datasets/iris/iris.yaml" -q --run run >out 2>err || fail "training ends with $?"
expect_line '^test accuracy (0\.9|1\.0)' out
