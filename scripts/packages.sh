#!/usr/bin/env bash
# The Debian and Ubuntu packages that nnmpi needs: the one list of them.
#   packages.sh build|test             prints the packages to build, or to run every test and check
#   packages.sh --install build|test   installs those that are missing (as root or with sudo)
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config git ca-certificates
    openmpi-bin libopenmpi-dev libopenblas-openmp-dev libhdf5-openmpi-dev
    libyaml-dev zlib1g-dev libssl-dev libcsv-dev)
# Faster matrix products; not every release has it.
if apt-cache show libdnnl-dev 2>/dev/null | grep -q '^Package:' && [ "$(uname -m)" = x86_64 ]; then
    build+=(libdnnl-dev)
fi
# Formatter and linter of one version, so that every machine says the same.
test=("${build[@]}" clang-14 clang-format-14 clang-tidy-14 libomp-14-dev shellcheck
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcovr hdf5-tools python3 python3-h5py gzip curl)

usage() {
    printf 'usage: packages.sh [--install] build|test\n' >&2
    exit 2
}

missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        printf 'packages.sh: installing packages wants root or sudo; missing: %s\n' "$wanted" >&2
        exit 1
    fi
}

install=no
if [ "${1:-}" = --install ]; then
    install=yes
    shift
fi
case "${1:-}" in
build) packages=("${build[@]}") ;;
test) packages=("${test[@]}") ;;
*) usage ;;
esac

if [ "$install" = no ]; then
    printf '%s\n' "${packages[@]}"
    exit 0
fi
if ! command -v dpkg-query >/dev/null; then
    printf 'packages.sh: no Debian or Ubuntu; install what corresponds to: %s\n' "${packages[*]}" >&2
    exit 0
fi
wanted=$(missing "${packages[@]}" | xargs)
[ -n "$wanted" ] || exit 0
printf 'Installing %s\n' "$wanted" >&2
as_root apt-get update -q >&2
# shellcheck disable=SC2086 # one word a package
as_root apt-get install -y -q --no-install-recommends $wanted >&2
