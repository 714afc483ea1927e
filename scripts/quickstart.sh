#!/usr/bin/env bash
# From nothing to a trained network: installs the packages (Debian 12, Ubuntu 24.04 or newer; as root
# or with sudo), builds, and trains the embedded default, Iris, on two ranks to its test accuracy.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/packages.sh --install build
cmake --preset release -DNNMPI_TESTS=OFF
cmake --build --preset release --target nnmpi

. scripts/env.sh
set -x
mpirun -n 2 nnmpi
