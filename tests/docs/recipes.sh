#!/usr/bin/env bash
# timeout: 180
# The recipes that take a moment reach what they are expected to; full_recipes runs the others.
. "$SOURCE_DIR/tests/lib.sh"
export OMPI_MCA_mpi_yield_when_idle=1
"$SOURCE_DIR/scripts/recipes.sh" 'neuron*' and or xor 'perceptron*' karate 'iris*' 'deep*' 'line*' \
    sine >out 2>err
[ "$(grep -c ' ok$' out)" -ge 20 ] || fail "some recipes did not run"
