#!/usr/bin/env bash
# timeout: 120
# What a run says of itself when it begins, goes on, or has nothing left to do; its counters and rates
# are those of this run, whatever was changed between two starts.
. "$SOURCE_DIR/tests/lib.sh"

cat > net.yaml <<'YAML'
data: {source: iris}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 4, batch_size: 30, lr: 0.1}
checkpoint: {every_steps: 1, keep: 99}
YAML
train() { "$NNMPI" train net.yaml --run run "$@" > out 2> err; }

# ---- afresh, and why
train --resume -o train.epochs=2
expect_line "^nnmpi: 'run' holds no checkpoint yet: the run starts afresh" err
expect_line '^trained 8 steps \(2 epochs\) in [0-9.]+ s, [1-9][0-9]* samples/s; ended by: epochs$' out
expect_no_line 'memory:' err

# ---- going on
train --resume
expect_line "^nnmpi: going on from run/last.h5: step 8, 2 of 4 epochs are done" err
expect_line '^epoch 4/4  step 16/16 ' err
expect_line '^trained 8 steps .from step 8 to 16, 4 epochs in all. in [0-9.]+ s, [1-9][0-9]* samples/s; ended by: epochs$' out
"$NNMPI" train net.yaml --run run --resume -o train.epochs=5 --json -q > out 2> err
python3 -c 'import json; r = json.load(open("out")); assert r["first_step"] == 16 and r["steps"] == 20, r'

# ---- nothing left
train --resume -o train.epochs=5
expect_line "^nnmpi: going on from run/last.h5: step 20, 5 of 5 epochs are done" err
expect_line '^nnmpi: the run is finished: .*5 epochs.*; to go on, .*-o train.epochs=10' err
expect_line '^nothing to train: 20 steps \(5 epochs\) were done before; ended by: epochs$' out
expect_no_line '[^0-9]0 samples/s' out
"$NNMPI" train net.yaml --run run --resume -o train.max_steps=20 > out 2> err
expect_line '^nnmpi: the run is finished: .*max_steps = 20.*; to go on, .*-o train.max_steps=40' err
"$NNMPI" train net.yaml --run run --resume -o train.epochs=9 -o train.stop_below=9 > out 2> err
expect_line '^nnmpi: the run is finished: .*stop_below' err

# ---- another batch size: between two epochs, and within one as far as whole minibatches were taken
train --resume -o train.epochs=7 -o train.batch_size=24
expect_line '^nnmpi: train.batch_size is 24 now and was 30: 5 steps an epoch instead of 4' err
expect_line '^epoch 6/7  step 25/30 ' err
expect_line '^epoch 7/7  step 30/30 ' err
expect_no_line 'step 3[0-9]/[12]' err

train --resume -o train.epochs=9 -o train.batch_size=20 -o train.max_steps=33 # 60 of 120 samples
train --resume -o train.epochs=9 -o train.batch_size=30
expect_line '^nnmpi: going on from run/last.h5: step 33, 7 of 9 epochs and 60 of 120 samples of the next are done' err
expect_line '^epoch 8/9  step 35/39 ' err
expect_line '^epoch 9/9  step 39/39 ' err
grep -o '"event":"train","step":[0-9]*' run/metrics.jsonl | sed 's/.*://' > steps
sort -n steps | uniq -d > twice
[ ! -s twice ] || fail "steps reported twice: $(cat twice)"
train --resume -o train.epochs=10 -o train.batch_size=20 -o train.max_steps=41 # 40 of 120 samples
expect_code 2 train --resume -o train.epochs=10 -o train.batch_size=30
expect_line 'nnmpi: the checkpoint stands at sample 40 of 120 in epoch 10, which minibatches of 30 samples do not reach: .*batch_size = 20' err
train --resume -o train.epochs=10 -o train.batch_size=10
expect_line '^epoch 10/10  step 49/49 ' err

# ---- what is not as it was, one line each; nothing where all is
"$NNMPI" train net.yaml --run changed -o train.epochs=2 -q > out
change() { "$NNMPI" train "${config:-net.yaml}" --run changed --resume -o train.epochs=3 "$@" > out 2> err; }
change -o train.seed=7 -o train.lr=0.2 -o 'loss={cross_entropy: {label_smoothing: 0.1}}'
expect_line '^nnmpi: train.seed is 7 now and was 1$' err
expect_line '^nnmpi: train.optimizer.sgd.lr is 0.2 now and was 0.1$' err
expect_line '^nnmpi: loss.cross_entropy.label_smoothing is 0.1 now and was 0$' err
[ "$(grep -c ' now and ' err)" -eq 3 ] || fail "other changes are told: $(cat err)"
change -o train.seed=7 -o train.lr=0.2 -o 'loss={cross_entropy: {label_smoothing: 0.1}}'
expect_no_line ' was ' err
change -o loss=hinge
expect_line '^nnmpi: loss is hinge now and was cross_entropy$' err
"$NNMPI" data make blobs -O more.h5 --samples 200 --features 4 -q
sed 's/source: iris/path: more.h5/' net.yaml > more.yaml
config=more.yaml change -o train.epochs=4 -o data.when_changed=accept
expect_line '^nnmpi: warning: more.h5: the data are not those that changed/last.h5 was trained on: /train/x is ' err
expect_line '^nnmpi: data.path is more.h5 now and was not set$' err
expect_line '^nnmpi: data.source is hdf5 now and was iris$' err
expect_line '^nnmpi: the training set has another number of samples: 7 steps an epoch instead of 4$' err
config=more.yaml change -o train.epochs=1
expect_line '^nnmpi: going on from changed/last.h5: step [0-9]+, 4 epochs .more than the 1 of train.epochs. are done$' err
expect_code 3 "$NNMPI" train more.yaml --run changed --resume -o train.optimizer=adam 2> err > out
expect_line "written by 'sgd' without it; go on with that optimiser, or .* another folder .*: init: .from: changed/last.h5" err

# ---- nothing else at the start
"$NNMPI" train --run calm -o train.epochs=2 > out 2> err
expect_no_line '^nnmpi:' err
run_ranks 2 "$NNMPI" train --run two -o train.epochs=2 -v > out 2> err
expect_line '^nnmpi: memory: ' err # with -v
run_ranks 2 "$NNMPI" train --run calm2 -o train.epochs=2 > out 2> err
grep '^nnmpi:' err | grep -v 'warning: .* ranks share' > said || true
[ "$(cat said)" = 'nnmpi: 2 ranks on one node; all end when one stalls for 120 s (train.stall_timeout)' ] || fail "at the start: $(cat said)"

# ---- the folder is said where it was not named
"$NNMPI" train net.yaml > out 2> err
expect_line '^nnmpi: run folder runs/net-' err

# ---- a file system without locks is said to be one
. "$SOURCE_DIR/tests/shim/lib.sh"
shim fault
env LD_PRELOAD="$PWD/fault.so" FAULT=fcntl FAULT_AT=1+ FAULT_PATH=free/lock FAULT_ERRNO=ENOLCK \
    "$NNMPI" train net.yaml --run free -q > out 2> err
expect_line "^nnmpi: warning: the file system of the run folder 'free' cannot lock files .No locks available.: a second run" err
"$NNMPI" train net.yaml --run free --resume -q > out 2> err
expect_no_line 'cannot lock' err
[ -f free/lock ] || fail 'no free/lock'
[ ! -s free/lock ] || fail "free/lock still says: $(cat free/lock)"

# ---- a second run is kept out while the first one lives, and no longer: by locks, or by who is named
for errno in none LIE ENOLCK; do
    fault=(env)
    [ "$errno" = none ] || fault+=(LD_PRELOAD="$PWD/fault.so" FAULT=fcntl FAULT_AT=1+ FAULT_PATH=shared/lock
        FAULT_ERRNO="$errno")
    "${fault[@]}" "$NNMPI" train net.yaml --run shared --resume -q -o train.epochs=100000000 \
        -o checkpoint.every_steps=100 -o checkpoint.keep=2 > first 2>&1 &
    first=$!
    for _ in $(seq 200); do
        ! { [ -e shared/last.h5 ] && grep -q "^process $first on " shared/lock; } || break
        sleep 0.05
    done
    expect_code 7 "${fault[@]}" "$NNMPI" train net.yaml --run shared -q > out 2> err
    expect_line "process $first on $(hostname), since 20" err
    kill -s KILL "$first"
    "${fault[@]}" "$NNMPI" train net.yaml --run shared --resume -q -o train.max_steps=1 > out 2> err
    expect_line '^nothing to train: [1-9][0-9]* steps' out
    wait "$first" || true
done

# ---- what is not the run's stays as it was
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
"$NNMPI" train net.yaml --run kept -q -o train.max_steps=6 > out
echo x > kept/trace.json.abcdefgh.tmp # which a killed run has left
ln -sfn elsewhere kept/best.h5
cp -r kept before
expect_code 2 "$NNMPI" train net.yaml --run kept --resume -o train.seed=99 > out 2> err
diff -r --no-dereference --exclude=lock before kept > differences || fail "the folder has changed: $(cat differences)"

# a checkpoint that cannot be opened just now may be whole: an older one is not taken instead
RANKS=1 expect_code 6 faulty open 1+ kept/last.h5 EIO 0 train net.yaml --run kept --resume -q > out 2> err
expect_line "last.h5: cannot open: Input/output error" err
[ -f kept/checkpoint-6.h5 ] || fail 'a whole checkpoint was deleted'

# files of others in the folder, and what links lead to
echo x > kept/report.november.tmp
"$NNMPI" train net.yaml --run kept --resume -q > out
[ -f kept/report.november.tmp ] || fail "a file of the user's was deleted"
[ ! -e kept/trace.json.abcdefgh.tmp ] || fail "a temporary file of the run's stays"
mkdir linked
ln -s "$PWD/elsewhere" linked/metrics.jsonl
expect_code 2 "$NNMPI" train net.yaml --run linked -q > out 2> err
expect_line "'linked' already holds a run" err
expect_code 6 "$NNMPI" train net.yaml --run linked --resume -q > out 2> err
expect_line "'linked/metrics.jsonl' is a link, and a run never writes through one" err
[ ! -e elsewhere ] || fail 'it wrote through a link'
mkdir own
sed '1i # mine' net.yaml > own/config.yaml
"$NNMPI" train own/config.yaml --run own --resume > out 2> err
expect_line "^nnmpi: 'own/config.yaml' was another one, which is 'own/config.yaml.old' now" err
expect_line '^# mine$' own/config.yaml.old

# a limit of the size of files is an error like others; what MPICH shares is below it
code=0
(ulimit -f 6000 && exec "$NNMPI" train net.yaml --run small -q -o train.epochs=100000000 -o 'checkpoint={every_epochs: 0}' \
    -o train.log_every=1) > out 2> err || code=$?
[ "$code" -eq 6 ] || fail "exit code $code, not 6"
expect_line "^nnmpi: cannot [a-z]+ .*small/metrics.jsonl': File too large" err
