#!/usr/bin/env bash
# timeout: 120
# Every verb on one small run: train, inspect, digest, eval, predict, check.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" train --run run -o train.epochs=20 > out 2> err
expect_line '^trained [0-9]+ steps' out
expect_line '^run folder run$' out
tail -n 1 out > last
expect_line '^test accuracy [01]\.[0-9]{4}, loss [0-9.e-]+ \(30 samples\)$' last
digest=$(sed -n 's/^digest //p' out)

# no verb at all trains the same model
mkdir bare
(cd bare && "$NNMPI" -o train.epochs=2 -q > ../out 2> ../err)
expect_line '^test accuracy' out
[ ! -s err ] || fail "-q and yet: $(cat err)"

"$NNMPI" train --run json --json -q -o train.epochs=2 2> err > out
python3 - <<'PY'
import json
r = json.load(open("out"))
assert r["run"] == "json" and r["epochs"] == 2 and r["test"]["samples"] == 30, r
assert len(r["digest"]) == 64 and 0 <= r["test"]["accuracy"] <= 1, r
PY

"$NNMPI" inspect run/last.h5 > out
expect_line 'checkpoint of step' out
expect_line 'dense' out

# multiplications: a first layer has no delta to make, but a recurrent one still has its own states'
"$NNMPI" inspect "$SOURCE_DIR/datasets/iris/iris.yaml" > out
expect_line '^hidden +24 +24$' out
expect_line '^output +18 +36$' out
expect_line '^a step: 30 x \(42 \+ 60\) = 3060, and the update of 51 parameters$' out
# of a frozen layer nobody wants the gradient, but below it is one that learns
cat > frozen.yaml <<'YAML'
data: {source: inline, x: [[1, 2]], y: [1]}
model: [dense: {name: low, units: 3}, dense: {name: middle, units: 4, frozen: true}, dense: {units: 2}]
loss: cross_entropy
train: {batch_size: 1}
YAML
"$NNMPI" inspect frozen.yaml > out
expect_line '^low +6 +6$' out
expect_line '^middle +12 +12$' out
expect_line '^all +26 +34$' out
cat > recurrent.yaml <<'YAML'
data: {source: inline, x: [[1, 2, 3, 4, 5, 6]], y: [1]}
model: [reshape: {shape: [3, 2]}, rnn: {units: 4}, dense: {units: 2}]
loss: cross_entropy
train: {batch_size: 1}
YAML
"$NNMPI" inspect recurrent.yaml --json > out
python3 -c '
import json; layers = json.load(open("out"))["layers"]
assert layers[2]["multiplications"] == {"forward": 3 * (8 + 16), "backward": 2 * 3 * (8 + 16) - 3 * 8}, layers
assert layers[0]["multiplications"] == {"forward": 0, "backward": 0}, layers'
"$NNMPI" inspect run/last.h5 --json > out
python3 -c '
import json; r = json.load(open("out"))
assert r["what"] == "checkpoint" and r["input"] == [4] and r["output"] == [3], r
assert r["parameters"] == sum(__import__("math").prod(s) for l in r["layers"] for s in l["parameters"].values()), r'
"$NNMPI" inspect run/config.yaml > out
expect_line 'configuration' out
expect_line '^all +[0-9]+$' out

# `digest` has sha256sum's form; the best parameters are those the run ended with
"$NNMPI" digest run/last.h5 run/best.h5 > out
expect_line '^[0-9a-f]{64}  run/last\.h5$' out
[ "$(wc -l < out)" -eq 2 ] || fail "two files, but $(wc -l < out) lines"
grep -q "^$digest  " out || fail "the run's digest $digest is neither that of last.h5 nor of best.h5"

"$NNMPI" eval run/best.h5 > out
expect_line '^test accuracy' out
"$NNMPI" eval run/best.h5 --split train --json > out
python3 -c 'import json; r = json.load(open("out")); assert r["split"] == "train" and r["samples"] == 120, r'
expect_code 2 "$NNMPI" eval run/best.h5 --split tset 2> err
expect_line "no split 'tset'" err

# a run folder stands for its best checkpoint, else its last one
"$NNMPI" eval run > folder 2> err
"$NNMPI" eval run/best.h5 > out
expect_same out folder
expect_line "^nnmpi: 'run' is a run folder: taking its best checkpoint, run/best.h5$" err
"$NNMPI" digest run/ run > out 2> err
[ "$(grep -c '  run/best.h5$' out)" -eq 2 ] || fail "digest of a folder: $(cat out)"
"$NNMPI" inspect run > out 2> err
expect_line '^run/best.h5: checkpoint of step' out
mkdir plain && cp run/last.h5 plain/last.h5
"$NNMPI" data make blobs -O flowers.h5 --samples 30 --features 4 -q
"$NNMPI" predict plain --data flowers.h5 -O out.csv 2> err
expect_line "'plain' is a run folder: taking its last checkpoint, plain/last.h5" err
"$NNMPI" train --run again -o init.from=run -o train.max_steps=0 > out 2> err
expect_same <("$NNMPI" digest run/best.h5 | cut -c 1-64) <("$NNMPI" digest again/last.h5 | cut -c 1-64)
expect_line 'from: run/best.h5' again/config.yaml
mkdir empty
expect_code 3 "$NNMPI" eval empty 2> err
expect_line "the folder 'empty' holds no checkpoint" err

"$NNMPI" check > out
expect_line '^ready to train$' out
expect_line 'OpenBLAS kernels' out
"$NNMPI" check --json > out
python3 -c 'import json; r = json.load(open("out")); assert r["ranks"][0]["threads"] >= 1 and r["steps_per_epoch"] > 0, r'

# memory: what the job may have, not what the machine has
env SLURM_MEM_PER_NODE=50 "$NNMPI" check -o model.0.dense.units=73000 > out 2> err
expect_line 'this job may have 52.4 MB a node .SLURM_MEM_PER_NODE.' out
expect_line '^nnmpi: warning: the ranks of .* want .*B of memory together, and may have 52.4 MB .SLURM_MEM_PER_NODE.: use fewer' err

# Ranks share the samples in memory (twice 12 MB: training and validation both read /train), and none
# that take more than a rank's share of the memory are kept.
"$NNMPI" data make blobs -O wide.h5 --samples 6000 --features 500 -q
wide=(-o "data={path: wide.h5}" -o "model=[dense: {units: 3}]" -o train.batch_size=30)
"$NNMPI" check "${wide[@]}" > one
run_ranks 2 "$NNMPI" check "${wide[@]}" > two 2> err
kept='[0-9.]+ MB of samples a node'
[ "$(grep -oE "$kept" one)" = "$(grep -oE "$kept" two)" ] || fail "two ranks keep other samples than one"
expect_line "^ +24 MB of samples a node; this job" one
SLURM_MEM_PER_NODE=20 run_ranks 2 "$NNMPI" check "${wide[@]}" > out 2> err
expect_line ' 12 kB of samples a node; this job may have 21 MB a node' out
expect_no_line 'of memory together' err

# what training refuses before its first step, so does check, in the same words
alike() {
    local code=$1 words=$2
    shift 2
    rm -rf refused
    expect_code "$code" "$NNMPI" train --run refused "$@" > out 2> trained
    expect_code "$code" "$NNMPI" check "$@" > out 2> checked
    expect_line "$words" checked
    expect_same trained checked
    expect_no_line 'ready to train' out
}
alike 2 "validate.split: iris: no split 'valid'; it has train, test" -o validate.split=valid
alike 3 'missing.h5' -o init.from=missing.h5
alike 2 "the model has no layer 'fc9'" -o init.from=run -o "init.layers=[fc9]"
alike 2 "goes by validation" -o train.schedule=reduce_on_plateau -o validate.every_steps=0 -o validate.every_epochs=0
SLURM_MEM_PER_NODE=300 alike 6 "the model does not fit: .* the node has 315 MB .SLURM_MEM_PER_NODE." -o model.0.dense.units=9000000
