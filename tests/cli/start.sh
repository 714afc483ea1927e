#!/usr/bin/env bash
# ranks: 2 3
# timeout: 120
# processors: 1
# A rank that fails, or hangs, before the ranks have met ends all of them and says so; all of them end
# when the launcher is killed.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/shim/lib.sh
. "$SOURCE_DIR/tests/shim/lib.sh"
shim start
host=$(uname -n)

# befalls WHAT RANK ARGUMENTS...: the program on all ranks, of which RANK meets that (see start.c).
# shellcheck disable=SC2317 # expect_code runs it
befalls() {
    START=$1 START_RANK=$2 timeout 50 "$SOURCE_DIR/tests/ranks.sh" "$RANKS" \
        env LD_PRELOAD="$PWD/start.so" "$NNMPI" "${@:3}"
}

last=$((RANKS - 1))
expect_code 2 befalls fail "$last" train --run run > out 2> err
expect_line "^nnmpi: rank $last on $host: MPI was already ended" err
expect_code 2 befalls fail "$last" check > out 2> err # also a verb that signals do not stop
expect_line "^nnmpi: rank $last on $host: MPI was already ended" err
expect_code 2 befalls fail 0 train --run run > out 2> err
expect_line '^nnmpi: MPI was already ended' err

# One that is done with a failure, and gets the signal that ends all while it parts, does not say another.
cat > missing.yaml <<'YAML'
data: {path: missing.h5}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1, batch_size: 1}
YAML
expect_code 3 befalls end 0 train missing.yaml --run run > out 2> err
expect_line "cannot open 'missing.h5'" err
expect_no_line 'stopped by a signal' err

# All fail alike: rank 0 says it once.
unset START_RANK
expect_code 2 env START=fail "$SOURCE_DIR/tests/ranks.sh" "$RANKS" env LD_PRELOAD="$PWD/start.so" \
    "$NNMPI" check > out 2> err
[ "$(grep -c 'already ended' err)" -eq 1 ] || fail 'not said once'

export NNMPI_START_TIMEOUT=2
expect_code 5 befalls hang "$last" check > out 2> err
expect_line '^nnmpi: waited 2 s for all ranks to start' err
expect_code 5 befalls stop "$last" check > out 2> err # which is named
expect_line "^nnmpi: waited 2 s for all ranks to start \(rank $last, process [0-9]+, is stopped\)" err
expect_code 5 befalls hang 0 check > out 2> err # whose guard is well
expect_line '^nnmpi: waited 2 s for all ranks to start' err
export NNMPI_START_TIMEOUT=soon
expect_code 2 run_ranks "$RANKS" "$NNMPI" check > out 2> err
expect_line "^nnmpi: NNMPI_START_TIMEOUT = 'soon'" err
unset NNMPI_START_TIMEOUT

# Where a rank has failed, which has said why, the others say nothing when all are ended, however long that takes.
START=hang START_RANK=$last "$SOURCE_DIR/tests/ranks.sh" "$RANKS" \
    env LD_PRELOAD="$PWD/start.so" "$NNMPI" train --run run > out 2> err &
launcher=$!
for _ in $(seq 400); do
    mapfile -t pids < <(rank_pids "$launcher" "^$NNMPI train")
    [ "${#pids[@]}" -lt "$RANKS" ] || break
    sleep 0.05
done
[ "${#pids[@]}" -eq "$RANKS" ] || fail "ranks are: ${pids[*]}"
sleep 0.3 # libraries are loaded
parent=$(ps -o ppid= -p "${pids[0]}")
kill -s STOP "$parent"
for way in "KILL $last" 'TERM 0'; do
    read -r signal rank <<< "$way"
    kill -s "$signal" "${pids[rank]}"
    for _ in $(seq 100); do
        grep -qE '^State:[[:space:]]+[^ZX]' "/proc/${pids[rank]}/status" || break
        sleep 0.1
    done
done
kill -s CONT "$parent"
wait "$launcher" || true
expect_no_line 'stopped by a signal' err

# Nobody is left behind by a launcher that is killed.
"$SOURCE_DIR/tests/ranks.sh" "$RANKS" "$NNMPI" train --run orphans -q -o train.epochs=100000000 > out 2> err &
launcher=$!
for _ in $(seq 400); do
    [ ! -s orphans/metrics.jsonl ] || break
    kill -0 "$launcher" || fail "the run ended by itself"
    sleep 0.05
done
mapfile -t pids < <(rank_pids "$launcher" 'train --run orphans')
[ "${#pids[@]}" -eq "$RANKS" ] || fail "ranks are: ${pids[*]}"
kill -s KILL "$launcher"
{ wait "$launcher" || true; } 2> /dev/null
for _ in $(seq 100); do
    left=0
    for pid in "${pids[@]}"; do
        ! kill -0 "$pid" 2> /dev/null || left=$((left + 1))
    done
    [ "$left" -gt 0 ] || exit 0
    sleep 0.1
done
kill -s KILL "${pids[@]}"
fail "$left of $RANKS ranks are left after 10 s"
