#!/usr/bin/env bash
# full: yes
# timeout: 7200
# Every recipe reaches what it is expected to, MNIST's on two ranks included.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/mnist.sh"
get_mnist
export OMPI_MCA_mpi_yield_when_idle=1
RANKS=2 "$SOURCE_DIR/scripts/recipes.sh"
