#!/usr/bin/env bash
# Runs the recipes of datasets/ and prints one table: what each is to reach, what it reached, and in
# how many seconds. Run folders go to runs/recipes. RANKS sets the number of ranks (2).
#   scripts/recipes.sh                 all of them
#   scripts/recipes.sh 'neuron*' lenet those whose names match
# MNIST is taken from mnist.h5 in the working folder or datasets/mnist, else fetched.
# Ends with 1 when a recipe fails or misses its mark.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/env.sh"
nnmpi=${NNMPI:-nnmpi}
command -v "$nnmpi" >/dev/null || {
    echo "recipes.sh: no nnmpi; run scripts/quickstart.sh first, or set NNMPI" >&2
    exit 2
}
ranks=${RANKS:-2}
runs=runs/recipes
chosen=("$@")
missed=0
mkdir -p "$runs"

is_chosen() {
    local pattern
    [ "${#chosen[@]}" -gt 0 ] || return 0
    for pattern in "${chosen[@]}"; do
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $1 != $pattern ]] || return 0
    done
    return 1
}

# number KEY FILE: the last value of a key in JSON lines
number() { sed -n "s/.*\"$1\": *\([-+.0-9eE]*\).*/\1/p" "$2" | tail -n 1; }

# holds GOT MARK: a mark is `>= X`, `< X`, or `X +- D`
holds() {
    awk -v got="$1" -v mark="$2" 'BEGIN {
        n = split(mark, m, " ")
        if (got == "" ) exit 1
        if (m[1] == ">=") exit !(got + 0 >= m[2] + 0)
        if (m[1] == "<") exit !(got + 0 < m[2] + 0)
        d = got - m[1]
        exit !((d < 0 ? -d : d) <= m[3] + 0)
    }'
}

# show NAME MEASURE MARK GOT SECONDS
show() {
    local verdict=ok
    [ -z "$3" ] || holds "$4" "$3" || { verdict=MISSED && missed=$((missed + 1)); }
    printf '%-28s %-16s %-22s %-14s %8s  %s\n' "$1" "$2" "${3:--}" "${4:-failed}" "$5" "$verdict"
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# train NAME CONFIG [OVERRIDE...]: on the ranks; the result as JSON in $runs/NAME.json
train() {
    local name=$1 config=$2 override=()
    shift 2
    for key in "$@"; do override+=(-o "$key"); done
    rm -rf "${runs:?}/$name"
    mpirun -n "$ranks" "$nnmpi" train "$top/datasets/$config" --run "$runs/$name" --json -q \
        "${override[@]}" >"$runs/$name.json" 2>"$runs/$name.err" ||
        { cat "$runs/$name.err" >&2 && : >"$runs/$name.json"; }
}

# recipe NAME MEASURE MARK CONFIG [OVERRIDE...]: the measure is one of the test result. An empty mark
# only shows what came out, for recipes that stand side by side.
recipe() {
    local name=$1 measure=$2 mark=$3 begin=$EPOCHREALTIME
    shift 3
    is_chosen "$name" || return 0
    train "$name" "$@"
    show "$name" "$measure" "$mark" "$(number "$measure" "$runs/$name.json")" "$(seconds_since "$begin")"
}

# gap NAME CHECKPOINT CONFIG [OVERRIDE...]: how much worse the test samples come out than those that
# it was trained on
gap() {
    local name=$1 checkpoint=$2 begin=$EPOCHREALTIME got
    shift 2
    is_chosen "$name" || return 0
    train "$name" "$@"
    "$nnmpi" eval "$runs/$name/$checkpoint" --split train --json >"$runs/$name.train.json"
    got=$(awk -v test="$(number loss "$runs/$name.json")" \
        -v train="$(number loss "$runs/$name.train.json")" 'BEGIN { printf "%.4f", test - train }')
    show "$name" "loss gap" "" "$got" "$(seconds_since "$begin")"
    show "$name" "accuracy" "" "$(number accuracy "$runs/$name.json")" ""
}

# largest_error NAME MARK CONFIG: of sin(2 pi x), over 1,000 points of a grid
largest_error() {
    local name=$1 mark=$2 begin=$EPOCHREALTIME got
    shift 2
    is_chosen "$name" || return 0
    train "$name" "$@"
    awk 'BEGIN { print "x"; for (i = 0; i < 1000; i++) print i / 1000 }' >"$runs/grid.csv"
    "$nnmpi" data import csv "$runs/grid.csv" --unlabelled -O "$runs/grid.h5" 2>/dev/null
    "$nnmpi" predict "$runs/$name/last.h5" --data "$runs/grid.h5" -O "$runs/$name.csv" 2>/dev/null
    got=$(awk -F, 'NR > 1 {
        e = $2 - sin(6.283185307179586 * (NR - 2) / 1000)
        if (e < 0) e = -e
        if (e > most) most = e
    } END { print most }' "$runs/$name.csv")
    show "$name" "largest error" "$mark" "$got" "$(seconds_since "$begin")"
}

# verdict NAME MARK CONFIG [OVERRIDE...]: what the perceptron's rule says about the samples
verdict() {
    local name=$1 mark=$2 begin=$EPOCHREALTIME got said=MISSED
    shift 2
    is_chosen "$name" || return 0
    train "$name" "$@"
    got=$(sed -n 's/.*"verdict": *"\([^"]*\)".*/\1/p' "$runs/$name.json")
    [[ $got != "$mark"* ]] || said=ok
    [ "$said" = ok ] || missed=$((missed + 1))
    printf '%-28s %-16s %-22s %-14s %8s  %s\n' "$name" verdict "$mark" "${got:-failed}" \
        "$(seconds_since "$begin")" "$said"
}

# fading NAME MARK CONFIG [OVERRIDE...]: the gradient at the first layer over that at the last one
fading() {
    local name=$1 mark=$2 begin=$EPOCHREALTIME got first last
    shift 2
    is_chosen "$name" || return 0
    train "$name" "$@"
    first=$(number l1 "$runs/$name/metrics.jsonl") last=$(number out "$runs/$name/metrics.jsonl")
    got=$(awk -v a="$first" -v b="$last" 'BEGIN { print a / b }')
    show "$name" "delta l1 / out" "$mark" "$got" "$(seconds_since "$begin")"
}

# with_mnist FUNCTION NAME ARGUMENT...: the data is fetched, and 5,000 training digits are set aside
# for validation in a second file, when the first recipe wants it
with_mnist() {
    local mnist=mnist.h5
    is_chosen "$2" || return 0
    if [ ! -e mnist.h5 ] && [ ! -e "$top/datasets/mnist/mnist.h5" ]; then
        "$top/datasets/mnist/fetch.sh" ${NNMPI_MNIST:+--from "$NNMPI_MNIST"} . >&2
    fi
    [ -e mnist.h5 ] || mnist=$top/datasets/mnist/mnist.h5
    [ -e mnist-valid.h5 ] ||
        "$nnmpi" data split "$mnist" --valid 0.0833333 -O mnist-valid.h5 2>/dev/null
    "$@"
}

printf '%-28s %-16s %-22s %-14s %8s\n' recipe measure expected got seconds

recipe neuron-quadratic mae '0.0939556949 +- 1e-6' neuron/quadratic.yaml
recipe neuron-slow mae '0.2028484243 +- 1e-6' neuron/slow.yaml
# outputs 0.0116382090 and 0.0120087415; the loss is -log(1 - output)
recipe neuron-cross-entropy loss '0.0117064630 +- 1e-6' neuron/cross_entropy.yaml
recipe neuron-cross-entropy-2 loss '0.0120814289 +- 1e-6' neuron/cross_entropy.yaml \
    model.0.dense.init.constant.value=2 model.0.dense.bias_init.constant.value=2
recipe neuron-decay mae '0.5987369392 +- 1e-6' neuron/decay.yaml
recipe neuron-descent mae '0.3486784401 +- 1e-6' neuron/descent.yaml
recipe neuron-ascent mae '2.5937424601 +- 1e-5' neuron/descent.yaml train.lr=2.1
recipe and accuracy '>= 1' logic/and.yaml
recipe or accuracy '>= 1' logic/or.yaml
recipe xor accuracy '>= 1' logic/xor.yaml
verdict perceptron-and 'separated after' logic/perceptron.yaml
verdict perceptron-or 'separated after' logic/perceptron.yaml 'data.y=[0, 1, 1, 1]'
verdict perceptron-xor 'not separable' logic/perceptron.yaml 'data.y=[0, 1, 1, 0]'
recipe karate accuracy '>= 0.93' karate/karate.yaml
recipe iris accuracy '>= 0.96' iris/iris.yaml
recipe iris-given mae '< 1e-6' iris/given.yaml
fading deep-sigmoid '< 0.01' iris/deep.yaml
fading deep-relu '>= 0.2' iris/deep.yaml model.{0,1,2,3,4}.dense.activation=relu
recipe line-bgd rmse '< 0.11' line/line.yaml train.batch_size=all train.epochs=200 \
    train.optimizer.sgd.lr=0.5
recipe line-sgd rmse '< 0.11' line/line.yaml train.batch_size=1 train.optimizer.sgd.lr=0.01
recipe line-mbgd rmse '< 0.11' line/line.yaml
largest_error sine '< 0.02' sine/sine.yaml
recipe digits accuracy '>= 0.97' digits/cnn.yaml
recipe digits-linear accuracy '>= 0.75' digits/linear.yaml

with_mnist recipe mlp30 accuracy '>= 0.95' mnist/mlp30.yaml
with_mnist recipe mlp128 accuracy '>= 0.98' mnist/mlp128.yaml
with_mnist recipe mlp100 accuracy '>= 0.979' mnist/mlp100.yaml
with_mnist recipe lenet accuracy '>= 0.991' mnist/lenet.yaml
with_mnist recipe lstm accuracy '>= 0.985' mnist/lstm.yaml
with_mnist recipe dropout accuracy '>= 0.986' mnist/dropout.yaml
with_mnist recipe dropconnect accuracy '' mnist/dropconnect.yaml
with_mnist recipe resnet accuracy '>= 0.995' mnist/resnet.yaml

# overfitting: loss on the test digits, less that on the digits that were trained on
with_mnist gap overfit last.h5 mnist/overfit.yaml
with_mnist gap overfit-l2 last.h5 mnist/overfit.yaml train.optimizer.sgd.weight_decay=0.01
with_mnist gap overfit-dropout last.h5 mnist/overfit-dropout.yaml
with_mnist gap overfit-early best.h5 mnist/overfit-early.yaml

# side by side, three epochs each
for o in sgd:0.1 momentum:0.1 nesterov:0.1 adagrad:0.02 adadelta:1 rmsprop:0.001 adam:0.001 \
    adamw:0.001 lars:1 lamb:0.01; do
    with_mnist recipe "optimizer-${o%:*}" accuracy '' mnist/mlp128.yaml train.epochs=3 \
        "train.optimizer={${o%:*}: {lr: ${o#*:}}}"
done
for b in 16 64 256 1024; do
    with_mnist recipe "batch-$b" accuracy '' mnist/mlp128.yaml train.epochs=3 "train.batch_size=$b"
done
for lr in 0.001 0.01 0.1 1; do
    with_mnist recipe "rate-$lr" accuracy '' mnist/mlp128.yaml train.epochs=3 "train.lr=$lr"
done

[ "$missed" -eq 0 ] || {
    echo "recipes.sh: $missed missed" >&2
    exit 1
}
