#!/usr/bin/env bash
# full: yes
# timeout: 1200
# A day of training in minutes: a tiny net, many steps and checkpoints, stopped or killed and resumed again
# and again. Memory, descriptors, files and the checkpoint do not grow, metrics.jsonl stays below its limit,
# and the parameters are those of a run that was never interrupted. The whole of it, 1,000,000 steps, 5,000
# checkpoints and 100 resumes:
#   LONG_STEPS=1000000 LONG_RESUMES=100 ctest --test-dir build/release -C Full -R full_long --timeout 20000
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # a disk would take most of the time
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/growth.sh"

steps=${LONG_STEPS:-100000} resumes=${LONG_RESUMES:-20} every=200

"$NNMPI" data make blobs -O blobs.h5 --samples 60 --valid 0.3 -q
cat > net.yaml <<YAML
data: {path: blobs.h5}
model: [dense: {units: 8, activation: tanh}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1000000, max_steps: $steps, batch_size: 10, log_every: 1, digest: true,
  optimizer: {sgd: {lr: 1e-4, momentum: 0.9}}}
validate: {every_epochs: 1, metrics: [accuracy, confusion]}
checkpoint: {every_epochs: 0, every_steps: $every, keep: 3}
YAML
launch=("$SOURCE_DIR/tests/ranks.sh" 2 "$NNMPI" train net.yaml -q --run)

for ((i = 1; i <= resumes; i++)); do
    target=$((steps * i / (resumes + 1))) before=$(last_step run)
    [ "$target" -gt $((${before:-0} + 2 * every)) ] || target=$((before + 2 * every))
    "${launch[@]}" run --resume > out 2> err &
    launcher=$!
    wait_for_step run "$target" "$launcher"
    mapfile -t ranks < <(rank_pids "$launcher" 'train net.yaml')
    now=$(growth run "${ranks[@]}")
    printf 'start %d, step %s: %s, metrics.jsonl %s\n' "$i" "$(last_step run)" "$now" "$(stat -c %s run/metrics.jsonl)"
    if [ "$i" -eq 2 ]; then
        first=$now
    elif [ "$i" -gt 2 ]; then
        expect_no_growth "$first" "$now" 512
    fi
    [ "$(stat -c %s run/metrics.jsonl)" -le $((33 << 20)) ] || fail 'metrics.jsonl has grown'
    if [ $((i % 2)) -eq 1 ]; then
        kill -s USR1 "$launcher"
    else
        kill -s KILL "${ranks[$((i / 2 % 2))]}"
    fi
    wait "$launcher" || true
done
"${launch[@]}" run --resume > out
"${launch[@]}" straight -o checkpoint.every_steps=0 > out
expect_same <("$NNMPI" digest run/last.h5 | cut -c 1-64) <("$NNMPI" digest straight/last.h5 | cut -c 1-64)
python3 - <<'PY'
import json
lines = [json.loads(line) for line in open("run/metrics.jsonl")]
assert lines[-1]["event"] == "end", lines[-1]
kinds = {}
for kind in ("train", "validate", "checkpoint", "end"):
    steps = [line["step"] for line in lines if line["event"] == kind]
    assert steps == sorted(steps), kind
    kinds[kind] = len(steps)
print("lines:", kinds)
assert kinds["end"] == 1 and kinds["train"] > 10000 and kinds["validate"] > 1000, kinds
PY
