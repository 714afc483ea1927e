#!/usr/bin/env bash
# The Debian and Ubuntu packages that nnmpi needs: the one list of them.
#   packages.sh build|test|full             prints the packages to build, to run tests and checks, or the long ones, too
#   packages.sh --install build|test|full   installs those that are missing (as root or with sudo)
# NNMPI_MPI=mpich takes MPICH instead of Open MPI.
set -euo pipefail

case "${NNMPI_MPI:-openmpi}" in
openmpi) mpi=(openmpi-bin libopenmpi-dev) mpi_optional=(python3-mpi4py) ;;
mpich) mpi=(mpich libmpich-dev) mpi_optional=() ;; # mpi4py is built for Open MPI
*)
    printf 'packages.sh: NNMPI_MPI is openmpi or mpich, not %s\n' "$NNMPI_MPI" >&2
    exit 2
    ;;
esac
build=(gcc libc6-dev make cmake ninja-build pkg-config git ca-certificates curl
    "${mpi[@]}" libopenblas-openmp-dev libhdf5-dev libyaml-dev zlib1g-dev libssl-dev libcsv-dev)
test=("${build[@]}" g++ gfortran clang doxygen libomp-dev shellcheck gcovr
    hdf5-tools python3 python3-h5py python3-cffi python3-numpy python3-sklearn gzip munge slurmctld slurmd
    slurm-client tmux iproute2)
full=("${test[@]}" gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user valgrind)
# Not every release or processor has these: faster matrix products; images; formatter and linter of the one
# version whose word counts; clang's libFuzzer and what names functions in its reports; ONNX's checker; another
# BLAS; modules; what reads recipes for other systems.
build_optional=(libdnnl-dev libpng-dev libjpeg-dev)
test_optional=("${build_optional[@]}" clang-format-14 clang-tidy-14 libclang-rt-dev llvm
    python3-pip python3-setuptools python3-wheel "${mpi_optional[@]}"
    python3-onnx libblis-openmp-dev lmod python3-yaml rpm)

usage() {
    printf 'usage: packages.sh [--install] build|test|full\n' >&2
    exit 2
}

missing() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == *ii* ]] || echo "$package"
    done
}

# Those that this release has for this processor.
available() {
    local package
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then echo "$package"; fi
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        printf 'packages.sh: installing packages wants root or sudo; missing: %s\n' "$needed" >&2
        exit 1
    fi
}

install=no
if [ "${1:-}" = --install ]; then
    install=yes
    shift
fi
case "${1:-}" in
build) required=("${build[@]}") optional=("${build_optional[@]}") ;;
test) required=("${test[@]}") optional=("${test_optional[@]}") ;;
full) required=("${full[@]}") optional=("${test_optional[@]}") ;;
*) usage ;;
esac

if ! command -v dpkg-query >/dev/null; then
    printf 'packages.sh: no Debian or Ubuntu; install what corresponds to: %s %s\n' \
        "${required[*]}" "${optional[*]}" >&2
    exit 0
fi
if [ "$install" = no ]; then
    printf '%s\n' "${required[@]}"
    available "${optional[@]}"
    exit 0
fi
needed=$(missing "${required[@]}" | xargs)
# The lists of a fresh system are empty or old: what is optional is looked up in new ones.
[ -z "$needed" ] || as_root apt-get update -q >&2
mapfile -t optional < <(available "${optional[@]}")
needed=$(missing "${required[@]}" "${optional[@]}" | xargs)
[ -n "$needed" ] || exit 0
printf 'Installing %s\n' "$needed" >&2
# shellcheck disable=SC2086 # one word a package
as_root apt-get install -y -q --no-install-recommends $needed >&2
