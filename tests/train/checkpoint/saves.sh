#!/usr/bin/env bash
# ranks: 1 2
# timeout: 120
# How often a run saves: as it was told to the letter, else by a clock as well, so that checkpoints of a
# tiny net do not take more time than its steps; and best.h5 is right at the end in either case.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"

cat > net.yaml <<'YAML'
data: {source: iris}
model: [dense: {name: fc1, units: 6, activation: tanh}, dense: {name: fc2, units: 3}]
loss: cross_entropy
train: {epochs: 80, batch_size: 120, optimizer: {sgd: {lr: 0.02, momentum: 0.9}}}
validate: {split: test}
checkpoint: {keep: 1000}
YAML
launch=("$SOURCE_DIR/tests/ranks.sh" "$RANKS")
[ "$RANKS" -gt 1 ] || launch=(env)
train() { "${launch[@]}" "$NNMPI" train net.yaml -q "$@"; }
checkpoints() { find "$1" -name 'checkpoint-*.h5' | wc -l; }
digest() { "$NNMPI" digest "$1" | cut -c 1-64; }

# every epoch has the best validation so far: only the last one, or a few of a slow machine, is saved
train --run default > out 2> err
[ "$(checkpoints default)" -le 5 ] || fail "$(checkpoints default) checkpoints of a run of a second"
[ "$(readlink default/last.h5)" = checkpoint-80.h5 ] || fail "the last step is not saved"
best=$(python3 -c '
import json
v = [e for e in map(json.loads, open("default/metrics.jsonl")) if e["event"] == "validate"]
assert len(v) == 80
print(min(v, key=lambda e: e["loss"])["step"])')
[ "$(readlink default/best.h5)" = "checkpoint-$best.h5" ] || fail "best.h5 is not step $best"

# what is asked for is done
train --run each -o checkpoint.every_epochs=1 > out 2> err
[ "$(checkpoints each)" -eq 80 ] || fail "$(checkpoints each) checkpoints instead of 80"
expect_same <(digest default/best.h5) <(digest each/best.h5)
expect_same <(digest default/last.h5) <(digest each/last.h5)
train --run steps -o checkpoint.every_steps=30 -o validate.every_epochs=0 > out 2> err
[ "$(checkpoints steps)" -eq 3 ] || fail "$(checkpoints steps) checkpoints instead of 3"

# metrics.jsonl says what each took
python3 - <<'PY'
import json, os
saved = [e for e in map(json.loads, open("each/metrics.jsonl")) if e["event"] == "checkpoint"]
assert [e["step"] for e in saved] == list(range(1, 81)), saved
for e in saved:
    assert e["bytes"] == os.path.getsize("each/" + e["file"]) and 0 <= e["wait_s"] and 0 < e["write_s"], e
PY

# one that is due while another one is being written is left out, where that is wanted; never the last one
train --run skip -o checkpoint.every_steps=1 -o checkpoint.when_busy=skip > out 2> err
[ "$(checkpoints skip)" -lt 70 ] || fail "$(checkpoints skip) checkpoints: none was left out"
[ "$(readlink skip/last.h5)" = checkpoint-80.h5 ] || fail "the last step is not saved"

# one that cannot be written ends the run, however soon the next ones are due
expect_code 6 faulty fsync 1 late/checkpoint-5.h5 EIO 0 train net.yaml -q --run late -o checkpoint.every_steps=1 > out 2> err
[ "$(readlink late/last.h5)" = checkpoint-4.h5 ] || fail "after a failure last.h5 is $(readlink late/last.h5)"

# the clock alone
train --run minutes -o checkpoint.every_epochs=0 -o checkpoint.every_minutes=0.001 -o train.epochs=8000 \
    -o validate.every_epochs=0 > out 2> err
[ "$(checkpoints minutes)" -ge 3 ] || fail "$(checkpoints minutes) checkpoints, not one in 60 ms"
train --run endless -o checkpoint.every_epochs=0 -o checkpoint.every_minutes=0 -o train.epochs=800 \
    -o validate.every_epochs=0 > out 2> err
[ "$(checkpoints endless)" -eq 1 ] || fail "$(checkpoints endless) checkpoints, although only the last was wanted"

# a best validation in the middle is kept until something is saved, and the run ends with it
stop=(-o train.lr=0.5 -o train.epochs=60 -o 'validate.early_stopping={patience: 5}' --run)
train "${stop[@]}" kept > out 2> err
expect_line '^best parameters restored: those of step ' out
train "${stop[@]}" written -o checkpoint.every_epochs=1 > again 2> err
expect_same <(grep '^digest' out) <(grep '^digest' again)
expect_same <(digest kept/best.h5) <(digest written/best.h5)
expect_same <("$NNMPI" inspect kept/best.h5 | sed 1d) <("$NNMPI" inspect written/best.h5 | sed 1d)

# killed between the best validation and the next checkpoint: as if nothing had happened
code=0
faulty write 94 metrics.jsonl KILL 0 train net.yaml -q "${stop[@]}" killed -o checkpoint.every_steps=20 > out 2> err || code=$?
is_killed "$code" || fail "exit code $code of a killed run: $(cat err)"
train "${stop[@]}" killed -o checkpoint.every_steps=20 --resume > again 2> err
train "${stop[@]}" whole -o checkpoint.every_steps=20 > out 2> err
expect_same <(grep '^digest' out) <(grep '^digest' again)
expect_same <(digest whole/best.h5) <(digest killed/best.h5)

# divergence leaves the best parameters, too
expect_code 4 train -o loss=squared -o train.epochs=400 -o train.lr=0.9 -o train.optimizer.sgd.momentum=0.99 --run wild > out 2> err
[ "$(checkpoints wild)" -gt 0 ] || fail "nothing was left of the run that diverged"
