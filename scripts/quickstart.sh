#!/usr/bin/env bash
# From nothing to a trained network: installs the packages (Debian 12, Ubuntu 24.04 or newer; as root
# or with sudo), builds, and trains the embedded default, Iris, on two ranks to its test accuracy.
# NNMPI_MPI=mpich takes MPICH instead of Open MPI.
set -euo pipefail
cd "$(dirname "$0")/.."
log=build/quickstart.log
mkdir -p build

# stage WHAT COMMAND...: one line, with the seconds it took; what it prints goes to the log.
stage() {
    local what=$1 start=$SECONDS
    shift
    printf '%-36s' "$what"
    "$@" >>"$log" 2>&1 </dev/null || {
        printf 'failed:\n\n'
        tail -n 20 "$log"
        printf '\nAll of it is in %s\n' "$log"
        exit 1
    } >&2
    printf '%4d s\n' $((SECONDS - start))
}

: >"$log"
stage "Installing packages" scripts/packages.sh --install build
stage "Configuring" cmake --preset release
stage "Building" cmake --build --preset release --target nnmpi nnmpi_shared nnmpi_static
printf 'Training the default, Iris, on two ranks: mpirun -n 2 nnmpi\n\n'
. scripts/env.sh
mpirun -n 2 nnmpi
cat <<'NEXT'

What to do next:
  . scripts/env.sh                      puts nnmpi on the PATH of your shell
  nnmpi help                            every verb, layer and key
  mpirun -n 8 nnmpi                     the same net on eight ranks
  datasets/mnist/fetch.sh               MNIST; then mpirun -n 2 nnmpi train datasets/mnist/mlp128.yaml
  cmake --install build/release --prefix ~/.local
README.md goes on with your own data, Slurm and C.
NEXT
