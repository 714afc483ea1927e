#!/usr/bin/env bash
# Samples that stand in the configuration or that a generator makes, without a file.
. "$SOURCE_DIR/tests/lib.sh"

# model DATA: a small configuration around a data section.
model() {
    cat <<YAML
data: $1
model: [dense: {units: 4, activation: tanh}, dense: {units: 1}]
loss: ${2:-squared}
train: {epochs: 2, batch_size: 2}
YAML
}

model '{source: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0]}' \
    binary_cross_entropy >xor.yaml
"$NNMPI" check xor.yaml >out 2>err
"$NNMPI" train xor.yaml --run xor -o train.epochs=300 -o train.lr=0.5 \
    -o train.optimizer=nesterov -o validate.split=train >out 2>err
"$NNMPI" eval xor/last.h5 --split train --json >out
expect_line '"accuracy": ?1[,}]' out

# numbers with a point are values, with several to a row where they are lists
model '{source: inline, x: [1, 2, 3], y: [0.0, 1, 2], test_x: [4], test_y: [3.0]}' >values.yaml
"$NNMPI" train values.yaml --run values >out 2>err
expect_line '^test loss' out

model '{source: synthetic, generator: {sine: {periods: 2}}, samples: 50, test: 0.2}' >sine.yaml
"$NNMPI" train sine.yaml --run sine >out 2>err
expect_line '10 samples' out
run_ranks 2 "$NNMPI" train sine.yaml --run sine2 >out 2>err
expect_line '10 samples' out

# refused: what does not fit is named with its place
refuse() {
    model "$1" >bad.yaml
    expect_code 2 "$NNMPI" check bad.yaml >out 2>err
    expect_line "$2" err
}
refuse '{source: inline, x: [[0, 0], [0]], y: [0, 1]}' 'bad.yaml:1:.*this row has 1 number, the first one has 2'
refuse '{source: inline, x: [[0], [1]], y: [0.0]}' '1 targets for 2 samples'
refuse '{source: inline, x: [[a]], y: [0]}' 'a sample is a list of numbers'
refuse '{source: inline, x: [], y: []}' 'samples are a list of rows'
refuse '{source: inline, x: [[1]], y: [0.0], test_x: [[1]]}' 'test_x and test_y go together'
refuse '{source: synthetic, generator: sinus}' "unknown generator 'sinus'"
