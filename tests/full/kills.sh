#!/usr/bin/env bash
# full: yes
# timeout: 1800
# Runs are killed at any moment, again and again, and go on with 1 to 4 ranks, in either way of summing
# gradients, as one node or two: after all of it they have the parameters of a run that nobody disturbed,
# nothing hangs, and nothing is left behind. KILLS=500 for more of it, KILLS_SEED=N for others; with KILLS_ON=hosts
# two nodes are two hosts (namespaces, which root may make):
#   KILLS=500 KILLS_ON=hosts ctest --test-dir build/release -C Full -R full_kills --timeout 20000
if [ "${KILLS_ON:-}" = hosts ]; then
    # shellcheck source=tests/hosts.sh
    . "$SOURCE_DIR/tests/hosts.sh"
    make_hosts 2
else
    . "$SOURCE_DIR/tests/lib.sh"
fi
kills=${KILLS:-150}
RANDOM=${KILLS_SEED:-1}

"$NNMPI" data make blobs -O blobs.h5 --samples 640 --features 64 --classes 10 --valid 0.2 --spread 5 -q
cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model: [dense: {units: 96, activation: tanh}, dense: {units: 96, activation: tanh}, dense: {units: 10}]
loss: cross_entropy
train: {epochs: 150, batch_size: 16, reproducible: true, optimizer: adam, lr: 1e-3, log_every: 5}
validate: {every_steps: 40}
YAML
"$NNMPI" train net.yaml --run straight -q > out 2> err
expected=$(grep '^digest' out)

# begin RUN: goes on with it in the background, on some ranks in some way, and saves in some rhythm.
begin() {
    local ranks=$((RANDOM % 4 + 1)) nodes=$((RANDOM % 2 + 1)) reduce=node every=$((RANDOM % 40 + 5)) places train
    [ $((RANDOM % 2)) -eq 0 ] || reduce=allreduce
    how="$ranks ranks, $nodes nodes, $reduce, a checkpoint every $every steps"
    train=("$NNMPI" train net.yaml --run "$1" --resume -q -o "train.reduce=$reduce" -o "checkpoint.every_steps=$every")
    if [ "${KILLS_ON:-}" = hosts ]; then
        places=host1:$ranks
        [ "$nodes" -eq 1 ] || [ "$ranks" -eq 1 ] || places=host1:$((ranks - ranks / 2)),host2:$((ranks / 2))
        launch "$places" "${train[@]}" > out 2> err &
    else
        NNMPI_TEST_NODES=$nodes "$SOURCE_DIR/tests/ranks.sh" "$ranks" "${train[@]}" > out 2> err &
    fi
    launcher=$!
}

# ranks_now: process ids.
ranks_now() {
    if [ "${KILLS_ON:-}" = hosts ]; then
        ranks_on host1 nnmpi
        ranks_on host2 nnmpi
    else
        rank_pids "$launcher" 'train net.yaml'
    fi
}

# gone: none of these processes is there any more; a zombie is not.
gone() {
    local pid
    for pid in "$@"; do
        ! grep -qE '^State:[[:space:]]+[^ZX]' "/proc/$pid/status" 2> /dev/null || return 1
    done
}

# stays: mpirun of Open MPI 4 has ended the others when a rank has died, but not itself, once in some hundred kills.
# nnmpi-supervise ends it.
stays() { ! is_hydra && grep -qE 'noticed that process rank|stopped by a signal' err; }

# end_one: SIGKILL for one of the ranks, all of them, or the launcher; all that was started has to end by itself.
end_one() {
    local ranks victims
    mapfile -t ranks < <(ranks_now)
    case $((RANDOM % 3)) in
    0) victims=("$launcher") ;;
    1) victims=("${ranks[@]}") ;;
    *) victims=(${ranks[@]:+"${ranks[RANDOM % ${#ranks[@]}]}"}) ;;
    esac
    [ "${#victims[@]}" -gt 0 ] || victims=("$launcher")
    kill -s KILL "${victims[@]}" 2> /dev/null || true
    for _ in $(seq 300); do
        ! gone "$launcher" "${ranks[@]}" || break
        sleep 0.1
    done
    if gone "${ranks[@]}" && ! gone "$launcher" && stays; then
        kill -s KILL "$launcher"
        wait "$launcher" 2> /dev/null || true
        stayed=$((stayed + 1))
    fi
    gone "$launcher" "${ranks[@]}" || fail "after SIGKILL of ${victims[*]} ($how) there still are of $launcher ${ranks[*]}:
$(ps -o pid,stat,args -p "$launcher" "${ranks[@]}")"
    wait "$launcher" 2> /dev/null || true
}

done_kills=0 runs=0 stayed=0
while [ "$done_kills" -lt "$kills" ]; do
    run=run$((runs += 1))
    while true; do
        begin "$run"
        sleep "$((RANDOM % 2)).$((RANDOM % 900 + 100))"
        kill -0 "$launcher" 2> /dev/null || break
        end_one
        done_kills=$((done_kills + 1))
        [ "$done_kills" -lt "$kills" ] || break
    done
    code=0
    wait "$launcher" 2> /dev/null || code=$?
    if ! grep -q '^trained' out; then
        begin "$run"
        code=0
        wait "$launcher" || code=$?
    fi
    [ "$code" -eq 0 ] || fail "exit code $code of the last start ($how)"
    [ "$(grep '^digest' out)" = "$expected" ] || fail "$run ($how): $(grep '^digest' out), not $expected"
    [ -z "$(find "$run" -name '*.tmp')" ] || fail "left behind: $(find "$run" -name '*.tmp')"
    rm -r "$run"
done
printf '%s kills of %s runs; mpirun stayed behind %s times\n' "$done_kills" "$runs" "$stayed" >&9
