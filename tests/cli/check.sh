#!/usr/bin/env bash
# ranks: 1 2
# `check` names all that is wrong with a configuration at once, a line each, and predicts samples/s within a factor of 2
# of what training then does.
. "$SOURCE_DIR/tests/lib.sh"

cat > bad.yaml <<'YAML'
data: {path: missing.h5}
model:
  - dens: {units: 8}
  - dense: {unit: 3, activation: relux}
loss: cross_entropi
train: {epochs: -1, batch_size: none, colour: 1, optimizer: {adam: {beta: 3}}, schedule: {step: {every: 0}}}
validate: {metrics: [acuracy], every_epochs: often}
checkpoint: {keep: 0}
YAML
expect_code 2 "$NNMPI" check bad.yaml > out 2> err
while IFS= read -r line; do
    [ "$(grep -cE "^nnmpi: bad.yaml:$line" err)" -eq 1 ] || fail "not once: $line
$(cat err)"
done <<'LINES'
1:14: cannot open 'missing.h5'
3:[0-9]+: unknown layer 'dens', did you mean 'dense'
4:[0-9]+: unknown key 'unit' of layer 'dense', did you mean 'units'
4:[0-9]+: layer 'dense' needs 'units'
4:[0-9]+: unknown layer 'relux', did you mean 'relu'
5:[0-9]+: unknown loss 'cross_entropi', did you mean 'cross_entropy'
6:[0-9]+: epochs = -1 of train is out of range
6:[0-9]+: batch_size = none of train must be a whole number
6:[0-9]+: unknown key 'colour' of train
6:[0-9]+: unknown key 'beta' of optimizer 'adam'
6:[0-9]+: every = 0 of schedule 'step' is out of range
7:[0-9]+: unknown metric 'acuracy', did you mean 'accuracy'
7:[0-9]+: every_epochs = often of validate must be a whole number
8:[0-9]+: keep = 0 of checkpoint is out of range
LINES
[ "$(grep -c '^nnmpi: ' err)" -eq 14 ] || fail "something else, too: $(cat err)"

# shapes, where the rest is right but for the section train
"$NNMPI" data make blobs -O blobs.h5 --samples 2000 --features 400 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 500, activation: tanh}, dense: {units: 300, activation: tanh}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 4, batch_size: 100, lr: 0.01, threads: 1}
checkpoint: {every_epochs: 0}
YAML
expect_code 2 "$NNMPI" check net.yaml -o train.epochs=-2 -o 'model.1={conv2d: {filters: 3, kernel: 2}}' 2> err
expect_line 'epochs = -2 of train is out of range' err
expect_line "layer 'conv2d1' on input \[500\]" err

# predicts: prints the ratio of training to what check says.
predicts() {
    rm -rf run
    run_ranks "$RANKS" "$NNMPI" check net.yaml --json > said.json 2> err
    run_ranks "$RANKS" "$NNMPI" train net.yaml -q --run run > out 2> err
    python3 -c 'import json
said = json.load(open("said.json"))["predicted"]
end = json.loads(open("run/metrics.jsonl").read().splitlines()[-1])
assert said["steps"] == 80 and abs(said["epoch_s"] * said["samples_per_s"] / 2000 - 1) < 1e-9
print(end["samples_per_s"] / said["samples_per_s"])'
}
# A busy machine has other moments for the one and for the other.
for _ in 1 2 3 4 5; do
    ratio=$(predicts)
    python3 -c "import sys; sys.exit(not 0.5 < $ratio < 2)" && break
done
python3 -c "import sys; sys.exit(not 0.5 < $ratio < 2)" || fail "training was $ratio times as fast as predicted"
"$NNMPI" check net.yaml > out
expect_line '^predicted +[0-9.e+]+ samples/s: [0-9.e+-]+ s an epoch, [0-9.e+-]+ s for all 80 steps' out
"$NNMPI" check net.yaml --quick > out
expect_no_line predicted out
