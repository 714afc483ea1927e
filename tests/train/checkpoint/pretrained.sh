#!/usr/bin/env bash
# ranks: 1 2
# init: {from, layers}: parameters start from a checkpoint, layer by layer by name and shape, the rest
# fresh; what does not fit is said.
. "$SOURCE_DIR/tests/lib.sh"

net() { # OUTPUT HIDDEN
    cat <<YAML
data: {source: iris}
model:
  - dense: {name: hidden, units: $2, activation: tanh}
  - dense: {name: $1, units: 3}
loss: cross_entropy
train: {batch_size: 30, epochs: 5, optimizer: {sgd: {lr: 0.1}}}
YAML
}
net output 6 > first.yaml
net other 6 > second.yaml
net output 7 > wide.yaml
train() { run_ranks "$RANKS" "$NNMPI" train "$@" -q; }
# same A B LAYER: are the layer's tensors equal?
same() { cmp -s <(h5dump -d "/model/$3/weight" -y "$1" | tail -n +2) <(h5dump -d "/model/$3/weight" -y "$2" | tail -n +2); }
command -v h5dump > tool || skip "no h5dump (Debian: hdf5-tools)"

train first.yaml --run first > out
zero=(-o train.max_steps=0)
train first.yaml "${zero[@]}" --run all -o "init={from: first/last.h5}" > out
[ "$("$NNMPI" digest all/last.h5 | cut -d' ' -f1)" = "$("$NNMPI" digest first/last.h5 | cut -d' ' -f1)" ] ||
    fail "a start from all layers is not the checkpoint"

train second.yaml "${zero[@]}" --run fresh > out
train second.yaml "${zero[@]}" --run some -o "init={from: first/last.h5, layers: [hidden]}" > out
same some/last.h5 first/last.h5 hidden || fail "the layer was not taken"
same some/last.h5 fresh/last.h5 other || fail "the rest is not fresh"
train wide.yaml "${zero[@]}" -o train.seed=3 --run fits -o "init={from: second.h5}" 2> err && fail "a missing file was taken"
expect_line "^nnmpi: .*second.h5" err

refuses() { # CODE REGEX ARGUMENT...
    local code=0
    train "${@:3}" > out 2> err || code=$?
    [ "$code" -eq "$1" ] || fail "exit code $code, not $1: ${*:3}"
    expect_line "$2" err
}
# a tensor that two layers share is there by the name of either
tied() { # FIRST SECOND
    cat <<YAML
data: {source: iris}
model: [dense: {name: $1, units: 4}, dense: {name: $2, units: 4, bias: false, tie: $1.weight}, dense: {units: 3}]
loss: cross_entropy
train: {batch_size: 30, seed: 7}
YAML
}
tied a b > ab.yaml
tied b c > bc.yaml
tied z a > za.yaml
"$NNMPI" train ab.yaml "${zero[@]}" -o train.seed=1 --run ab -q > out
weight() { h5dump -d "/model/$2/weight" -y "$1/last.h5" | tail -n +3; }
starts() { # CONFIG LAYER OPTIONS: its weight is that of a
    rm -rf tied
    "$NNMPI" train "$1" "${zero[@]}" --run tied -o "init={from: ab/last.h5$3}" -q > out
    expect_same <(weight ab a) <(weight tied "$2")
}
starts ab.yaml a ', layers: [b]' # all of b
starts za.yaml z ', layers: [a]'
starts za.yaml z ''
rm -rf tied
"$NNMPI" train bc.yaml "${zero[@]}" --run tied -q -o "init={from: ab/last.h5}" > out
! cmp -s <(weight ab a) <(weight tied b) || fail "the file has no b and no c"

refuses 3 'first/last.h5: /model/hidden/weight is \[6, 4\], the model has \[7, 4\]' \
    wide.yaml --run a -o "init={from: first/last.h5, layers: [hidden]}"
refuses 3 'first/last.h5 has no /model/other/weight' second.yaml --run b -o "init={from: first/last.h5, layers: [other]}"
refuses 2 "the model has no layer 'hiden' with parameters" first.yaml --run c -o "init={from: first/last.h5, layers: [hiden]}"
refuses 2 "unknown key 'form'" first.yaml --run d -o "init={form: first/last.h5}"
