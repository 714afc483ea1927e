#!/usr/bin/env bash
# ranks: 3 4
# timeout: 180
# What rounding takes from sums between nodes (train.compress) is part of a training's state: a run that was
# stopped, killed or asked to save ends with the bits of one that was never disturbed, on two nodes, where each
# adds all, and on three, where each adds a part. On another number of nodes it goes on, too.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
export NNMPI_TEST_NODES=2
[ "$RANKS" -ne 3 ] || NNMPI_TEST_NODES=3

"$NNMPI" data make blobs -O blobs.h5 --samples 96 --valid 0.25 --features 20 --seed 3 --spread 3 -q
cat > net.yaml << 'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 300, activation: tanh}
  - dense: {name: fc2, units: 200, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 1000, max_steps: 40, batch_size: 9, optimizer: adam, lr: 1e-3, log_every: 1, threads: 1,
  compress: bf16, between_nodes: gradients}
validate: {every_epochs: 0}
checkpoint: {every_epochs: 0}
YAML

# train RUN OPTION...
train() { run_ranks "$RANKS" "$NNMPI" train net.yaml -q --run "$@" > out 2> err; }
digest_of() { "$NNMPI" digest "$1/last.h5" | cut -c 1-64; }
bytes_of() { stat -Lc %s "$1/last.h5"; }

# same RUN RUN: they end with the same parameters.
same() { [ "$(digest_of "$1")" = "$(digest_of "$2")" ] || fail "$1 and $2 have other bits"; }

# close_to RUN: its losses are about those of `whole`.
close_to() { expect_close_losses whole "$1" 2e-2 40; }

train whole

# stopped in the middle
train part -o train.max_steps=13
cp -r part moved
run_ranks "$RANKS" "$NNMPI" train net.yaml --run part --resume > out 2> err
expect_no_line 'is dropped' err
same whole part

# saves in between, and copies of the best state, change nothing; killed, it goes on from one of them
saves=(-o checkpoint.every_steps=7 -o checkpoint.keep=9 -o validate.every_steps=3)
train saves "${saves[@]}"
same whole saves
code=0
faulty write 40 metrics.jsonl KILL 0 train net.yaml -q --run killed "${saves[@]}" > out 2> err || code=$?
is_killed "$code" || fail "exit code $code of a killed run"
train killed "${saves[@]}" --resume
expect_line '^trained .* \(from step [1-9]' out
same whole killed

# asked to save and to go on, then to stop
"$SOURCE_DIR/tests/ranks.sh" "$RANKS" "$NNMPI" train net.yaml -q --run asked -o train.max_steps=1000000 > out 2> err &
launcher=$!
until_is() {
    for _ in $(seq 400); do
        ! "$@" || return 0
        kill -0 "$launcher" || fail "the run ended by itself"
        sleep 0.05
    done
    fail "it never came to be: $*"
}
has_lines() { [ -f asked/metrics.jsonl ] && [ "$(wc -l < asked/metrics.jsonl)" -ge "$1" ]; }
until_is has_lines 30
rank_pids "$launcher" 'train net.yaml' | xargs kill -s USR2
until_is test -e asked/last.h5
kill -s USR1 "$launcher"
code=0
wait "$launcher" || code=$?
[ "$code" -eq 75 ] || fail "exit code $code, not 75"
end=$(($("$NNMPI" inspect asked/last.h5 --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["state"]["step"])') + 20))
train asked --resume -o train.max_steps=$end
train straight -o train.max_steps=$end
same asked straight

# on another number of nodes, or on one, where nothing is rounded
other=(2 2)
[ "$RANKS" -eq 3 ] || other=(2 1)
NNMPI_TEST_NODES=${other[1]} run_ranks "${other[0]}" "$NNMPI" train net.yaml --run moved --resume > out 2> err
close_to moved
if [ "${other[1]}" -eq 1 ]; then
    expect_line 'what rounding to bfloat16 took from gradients between nodes .* is dropped' err
else
    expect_no_line 'is dropped' err
fi

# tensors that do not travel as sums take no room, and nodes of the others two bytes an element
train rows -o train.between_nodes=rows
train none -o train.compress=none
saved=$(($(bytes_of whole) - $(bytes_of rows))) weights=$((300 * 20 + 200 * 300 + 3 * 200))
much=$((2 * NNMPI_TEST_NODES * weights)) some=20000
[ "$saved" -ge "$much" ] || fail "residuals of rows take room: only $saved bytes less"
[ "$saved" -lt $((much + some)) ] || fail "residuals take too much room: $saved bytes more"
[ $(($(bytes_of rows) - $(bytes_of none))) -lt $some ] || fail "residuals of rows take room"

# everyone else can read them
"$NNMPI" eval whole --data blobs.h5 > out
"$NNMPI" train net.yaml -q --run from -o init.from=whole/last.h5 -o train.max_steps=1 > out
