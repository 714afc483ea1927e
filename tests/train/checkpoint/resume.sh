#!/usr/bin/env bash
# ranks: 1 2 3
# timeout: 180
# A run that is interrupted goes on as if nothing had happened: momentum, learning-rate schedule,
# early stopping and the place in an epoch with an uneven last minibatch come back to the bit.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"

"$NNMPI" data make blobs -O blobs.h5 --samples 143 --valid 0.28 --spread 5 --seed 3 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 12, activation: tanh}
  - dense: {name: fc2, units: 3}
loss: cross_entropy
train:
  epochs: 40
  batch_size: 10 # of 103
  optimizer: {sgd: {lr: 0.2, momentum: 0.9, weight_decay: 1e-4}}
  schedule: {step: {every: 3, gamma: 0.7}}
  log_every: 1
  digest: true
validate: {every_steps: 5, early_stopping: {patience: 12}}
checkpoint: {every_epochs: 0, every_steps: 7, keep: 2}
YAML

# One rank is started as people start one: without mpirun.
launch=("$SOURCE_DIR/tests/ranks.sh" "$RANKS")
[ "$RANKS" -gt 1 ] || launch=(env)
train() { "${launch[@]}" "$NNMPI" train "$@" -q; }

# story RUN: metrics.jsonl without what a clock says and what checkpoints took, and with one last line only.
story() {
    python3 - "$1/metrics.jsonl" <<'PY'
import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "checkpoint":
        continue
    print(event["event"], *(f"{k}={v}" for k, v in event.items()
                            if not k.endswith("_s") and k not in ("event", "seconds", "slowest", "resident_bytes")))
PY
}

# same_story RUN RUN: two runs are one and the same to the reader of their metrics and digests.
same_story() {
    story "$1" > "$1.story"
    story "$2" > "$2.story"
    expect_same "$1.story" "$2.story"
    [ "$(grep -c '^end ' "$1.story")" -eq 1 ] || fail "not one end in $1/metrics.jsonl"
    [ "$("$NNMPI" digest "$1/last.h5" | cut -c1-64)" = \
        "$("$NNMPI" digest "$2/last.h5" | cut -c1-64)" ] || fail "$1 and $2 end differently"
}

# state RUN KEY: a number of the state in last.h5.
state() {
    "$NNMPI" inspect "$1/last.h5" --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["state"][sys.argv[1]])' "$2"
}

# The whole run, ended by early stopping, with the best parameters back at its end.
train net.yaml --run whole > out
expect_line 'ended by: early_stopping' out
expect_line 'best parameters restored' out
end=$(state whole step)
[ "$end" -gt 100 ] || fail "early stopping ended it after $end steps already"

# Killed while it writes its 4th, then its 130th line of metrics, between two checkpoints and in the
# middle of an epoch; resuming where nothing was saved yet begins afresh.
for line in 4 130; do
    code=0
    faulty write "$line" metrics.jsonl KILL 0 train net.yaml --run killed --resume > out 2> err || code=$?
    is_killed "$code" || fail "exit code $code of a killed run: $(cat err)"
    expect_no_line '^trained' out
done
[ "$(state killed batch)" -gt 0 ] || fail "the kill fell between two epochs"
[ "$(state killed step)" -gt 80 ] || fail "the run was killed too early"
train net.yaml --run killed --resume > out
expect_line 'ended by: early_stopping' out
same_story whole killed

# Another number of ranks takes it up: the same to rounding, where that does not grow.
calm=(net.yaml -o train.lr=0.02 -o train.epochs=8 -o validate.early_stopping.patience=0)
train "${calm[@]}" --run calm > out
code=0
faulty write 30 metrics.jsonl KILL 0 train "${calm[@]}" --run moved > out 2> err || code=$?
is_killed "$code" || fail "exit code $code of a killed run"
[ "$(state moved batch)" -gt 0 ] || fail "the kill fell between two epochs"
run_ranks $((RANKS % 3 + 1)) "$NNMPI" train "${calm[@]}" --run moved --resume -q > out
python3 - <<'PY'
import json
def losses(run):
    events = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    return [(e["event"], e["step"], e["loss"]) for e in events if "loss" in e]
a, b = losses("calm"), losses("moved")
assert len(a) == len(b) > 8 * 11, (len(a), len(b))
for p, q in zip(a, b):
    assert p[:2] == q[:2] and abs(p[2] - q[2]) <= 1e-5 * p[2], (p, q)
PY

# ---- signals, and kills of the ranks themselves: of a run without end, until enough was seen
endless=(net.yaml -o train.epochs=10000 -o validate.early_stopping.patience=0
    -o validate.every_steps=0 -o validate.every_epochs=50)

# lines: of its metrics so far.
lines() { if [ -f chain/metrics.jsonl ]; then wc -l < chain/metrics.jsonl; else echo 0; fi; }

# start: goes on in the background and waits until it has written lines.
start() {
    local before
    before=$(lines)
    "${launch[@]}" "$NNMPI" train "${endless[@]}" --run chain --resume -q > out 2> err &
    launcher=$!
    for _ in $(seq 400); do
        [ "$(lines)" -lt $((before + 30)) ] || return 0
        kill -0 "$launcher" 2> /dev/null || fail "the run ended by itself"
        sleep 0.05
    done
    fail "the run does not begin"
}

# ranks_of: process ids of the ranks.
ranks_of() {
    if [ "$RANKS" -eq 1 ]; then
        echo "$launcher"
    else
        rank_pids "$launcher" 'train net.yaml'
    fi
}

ways=(USR1 KILL-all TERM KILL-last)
case $RANKS in
1) ways=(USR1 KILL-all) ;;
3) ways=(TERM KILL-last) ;;
esac
for how in "${ways[@]}"; do
    start
    case $how in
    USR1) kill -s USR1 "$launcher" ;;
    TERM) ranks_of | tail -n 1 | xargs kill -s TERM ;;
    KILL-all) ranks_of | xargs kill -s KILL ;;
    KILL-last) ranks_of | tail -n 1 | xargs kill -s KILL ;;
    esac
    code=0
    wait "$launcher" || code=$?
    case $how in
    USR1 | TERM)
        [ "$code" -eq 75 ] || fail "$how: exit code $code, not 75"
        expect_line '^nnmpi: stopped by a signal after step [0-9]+, which is saved' err
        [ "$(lines)" -ge "$(state chain step)" ] || fail "$how: lines are missing"
        ;;
    *) is_killed "$code" || fail "$how: exit code $code" ;;
    esac
done
end=$(($(state chain step) + 25))
train "${endless[@]}" --run chain --resume -o train.max_steps=$end > out
train "${endless[@]}" --run straight -o train.max_steps=$end > out
same_story straight chain

[ "$RANKS" -eq 2 ] || exit 0
# ---- beginnings and ends: the same code on any number of ranks
# no checkpoint, no folder: afresh; and a run that is over goes on when it is given more
short=(net.yaml -o validate.early_stopping.patience=0)
train "${short[@]}" -o train.epochs=6 --run six > out
train "${short[@]}" -o train.epochs=2 --run more --resume > out
train "${short[@]}" -o train.epochs=4 --run more --resume > out
train "${short[@]}" -o train.epochs=6 --run more --resume > out
same_story six more
cp more.story before
train "${short[@]}" -o train.epochs=6 --run more --resume > out # nothing is left to do
expect_line 'ended by: epochs' out
story more > more.story
expect_same before more.story

# the initial parameters, the same for every number of ranks, from which the run then goes on
train "${short[@]}" -o train.epochs=6 -o train.max_steps=0 --run zero > out
expect_line '^trained 0 steps' out
"$NNMPI" train "${short[@]}" -o train.max_steps=0 --run alone -q > out
[ -f zero/checkpoint-0.h5 ] || fail "no checkpoint of the initial parameters"
expect_same <("$NNMPI" digest zero/last.h5 | cut -c1-64) <("$NNMPI" digest alone/last.h5 | cut -c1-64)
train "${short[@]}" -o train.epochs=6 --run zero --resume > out
same_story six zero
