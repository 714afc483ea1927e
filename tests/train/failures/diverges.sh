#!/usr/bin/env bash
# ranks: 1 2
# timeout: 120
# Divergence: exit code 4, a message that names the step, the layer and what went first, and the last
# good checkpoint stays.
. "$SOURCE_DIR/tests/lib.sh"

cat > net.yaml <<'YAML'
data: {source: inline, x: [[1], [1], [1], [1]], y: [[1.5], [2.5], [1.5], [2.5]]}
model: [dense: {name: below, units: 2, init: {constant: {value: 0.5}}, symmetric: true}, dense: {name: top, units: 1}]
loss: squared
train: {batch_size: all, epochs: 50, lr: 0.01}
checkpoint: {every_epochs: 0, every_steps: 1}
YAML

# diverges REGEX ARGUMENT...: with exit code 4 and this message, the same on all ranks.
diverges() {
    local code=0
    run_ranks "$RANKS" "$NNMPI" train net.yaml --run run "${@:2}" -q > out 2> err || code=$?
    [ "$code" -eq 4 ] || fail "exit code $code, not 4: ${*:2}"
    expect_line "^nnmpi: (rank [0-9]+ on [^ ]+: )?training diverged: $1" err
}
fresh() { rm -rf run; }

# the loss: parameters are too large for the next output
diverges "the loss of step 2 is (inf|-?nan), because the output of layer 'top' became NaN or Inf; .*now 1e\+30.*; the checkpoint of step 1 is good" \
    -o train.lr=1e30
"$NNMPI" digest run/last.h5 > out
expect_line 'checkpoint-1.h5|last.h5' out
[ ! -e run/checkpoint-2.h5 ] || fail "a bad checkpoint was written"
fresh
# the loss itself
diverges "the loss of step 1 is inf, of outputs of layer 'top' that are finite; .*; nothing was saved before" \
    -o "data.y=[[1e25], [1e25], [1e25], [1e25]]"
fresh
# a gradient: outputs of 1e18 fit into the loss, inputs of 1e22 times them do not fit into a gradient
diverges "in step 1 the gradient 'weight' of layer 'below' became NaN or Inf" \
    -o "data.x=[[1e22], [1e22], [1e22], [1e22]]" -o "model.0.dense.init={constant: {value: 1e-4}}" -o "model.1.dense.init={constant: {value: 1}}"
fresh
# a parameter: the step is too long
diverges "in step 1 the parameter 'bias' of layer 'top' became NaN or Inf" \
    -o "data.y=[[1e12], [1e12], [1e12], [1e12]]" -o train.lr=1e37
fresh

# five good steps, then a schedule that runs away: the last good checkpoint is whole, and going on
# from it diverges in the same place
away=(-o "train.schedule={multistep: {at: [5], gamma: 1e37}}" -o train.lr=0.1)
diverges ".*the checkpoint of step [56] is good" "${away[@]}"
"$NNMPI" digest run/last.h5 > before
good=$(readlink run/last.h5)
diverges ".*the checkpoint of step [56] is good" "${away[@]}" --resume
[ "$(readlink run/last.h5)" = "$good" ] || fail "last.h5 moved"
"$NNMPI" digest run/last.h5 > after
expect_same before after
run_ranks "$RANKS" "$NNMPI" train net.yaml --run run --resume -o train.epochs=5 -q > out # it can be gone on with

# an index that a layer computes, of which nothing is known before: the numbers are wrong, not the training
fresh
code=0
run_ranks "$RANKS" "$NNMPI" train net.yaml --run run -q \
    -o "model=[dense: {units: 1}, embedding: {name: table, vocabulary: 2, units: 3}, flatten, dense: {units: 1}]" > out 2> err || code=$?
[ "$code" -eq 3 ] || fail "exit code $code, not 3, for what is no index"
expect_line "step 1: layer 'table' is given a number that is no index: it takes whole numbers from 0 to 1" err
