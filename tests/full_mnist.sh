#!/usr/bin/env bash
# full: yes
# timeout: 3600
# What the recipes of MNIST promise, on two ranks: 95 % of the test digits after 30 epochs of
# 784-30-10, 97.9 % after 60 epochs of 784-100-10.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/mnist.sh"
get_mnist

# recipe NAME EPOCHS BOUND
recipe() {
    run_ranks 2 "$NNMPI" train "$SOURCE_DIR/datasets/mnist/$1.yaml" -o data.path=mnist.h5 \
        --run "$1" -q > out 2> err
    expect_line "^trained [0-9]+ steps \($2 epochs\)" out
    head -n 1 out
    at_least "$3" "$1"
}
recipe mlp30 30 0.95
recipe mlp100 60 0.979
