#!/usr/bin/env bash
# With data.shuffle: false every epoch takes the samples as they are stored, on any number of ranks,
# also where they do not fit into memory, and a run goes on in the middle of an epoch.
. "$SOURCE_DIR/tests/lib.sh"

# Sample i has x = i and y = 0; the model says w x with w = 1 and hardly learns, so that the loss of a
# minibatch tells its samples: 1/2 of the mean of their squares.
cat > net.yaml <<'YAML'
data: {path: counted.h5, shuffle: false}
model: [dense: {name: unit, units: 1, bias: false, init: {constant: {value: 1}}}]
loss: squared
train: {epochs: 3, batch_size: 7, log_every: 1, digest: true, optimizer: {sgd: {lr: 1e-30}}}
checkpoint: {every_epochs: 0, every_steps: 4, keep: 9}
YAML
{ echo x,y && for i in $(seq 0 29); do echo "$i,0"; done; } > table.csv
"$NNMPI" data import csv table.csv --target y -O counted.h5 -q

losses() { sed -n 's/.*"event":"train","step":\([0-9]*\),.*"loss":\([^,]*\),.*/\1 \2/p' "$1/metrics.jsonl"; }
for run in "1 stored" "2 two" "3 three" "1 passes -o train.accumulate=3" "2 file -o data.memory=0.0001"; do
    read -r ranks name options <<< "$run"
    # shellcheck disable=SC2086 # words
    run_ranks "$ranks" "$NNMPI" train net.yaml --run "$name" -q $options
    losses "$name" > "$name.losses"
done
python3 - stored two three passes file <<'PYTHON'
import sys
for run in sys.argv[1:]:
    lines = [line.split() for line in open(f"{run}.losses")]
    assert [int(step) for step, _ in lines] == list(range(1, 16)), (run, lines)
    for i, (_, loss) in enumerate(lines):
        rows = range(i % 5 * 7, min(i % 5 * 7 + 7, 30))
        want = sum(r * r for r in rows) / len(rows) / 2
        assert abs(float(loss) - want) < 1e-5 * want + 1e-9, (run, i, loss, want)
PYTHON

# ---- in the middle of an epoch a run goes on in its order, and in no other
"$NNMPI" train net.yaml --run stopped -q -o train.max_steps=7
expect_code 2 "$NNMPI" train net.yaml --run stopped --resume -o data.shuffle=true 2> err
expect_line '.*stands at minibatch 2 in epoch 2 of samples as stored .*data.shuffle' err
"$NNMPI" train net.yaml --run stopped -q --resume
losses stopped > stopped.losses
expect_same stored.losses stopped.losses

# ---- a random order is another one in every epoch
"$NNMPI" train net.yaml --run random -q -o data.shuffle=true
losses random > random.losses
! cmp -s stored.losses random.losses || fail "data.shuffle: true changes nothing"
[ "$(head -n 1 random.losses | cut -d' ' -f2)" != "$(sed -n 6p random.losses | cut -d' ' -f2)" ] ||
    fail "two epochs have the same order"
