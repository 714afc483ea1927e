#!/usr/bin/env bash
# A cluster whose test is killed is gone, with its jobs and all its files.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

cat > cluster.sh << 'SH'
. "$SOURCE_DIR/tests/cluster.sh"
cluster_up 2 2
sbatch -n 2 --wrap 'srun sleep 1000' > /dev/null
within 20 sh -c 'squeue -h -t running | grep -q .' || fail "the job does not run"
readlink /proc/self/ns/net > "$OUTSIDE/network"
sleep 1000
SH
mkdir tmp
OUTSIDE=$trash TMPDIR=$trash/tmp bash cluster.sh > out 2>&1 &
for _ in $(seq 400); do
    if [ -s network ] || ! kill -0 "$!" 2> /dev/null; then break; fi
    sleep 0.1
done
if [ ! -s network ]; then
    code=0
    wait "$!" || code=$?
    [ "$code" -ne 77 ] || skip "$(cat out)"
    fail "no cluster"
fi

# Processes in its network.
left() { readlink /proc/[0-9]*/ns/net 2> /dev/null | grep -cxF "$(cat network)" || true; }
[ "$(left)" -ge 10 ] || fail "daemons and jobs are only $(left)"
kill -s KILL "$!"
for _ in $(seq 50); do
    [ "$(left)" -gt 0 ] || break
    sleep 0.1
done
[ "$(left)" -eq 0 ] || fail "$(left) processes are left"
[ -z "$(find tmp -type f -o -type s)" ] || fail "files are left: $(find tmp)"
