#!/usr/bin/env bash
# ranks: 2
# timeout: 120
# scripts/hosts.sh makes hosts for a command, which are gone with it; scripts/compare_hosts.py measures on them.
. "$SOURCE_DIR/tests/lib.sh"
hosts=$SOURCE_DIR/scripts/hosts.sh
code=0
"$hosts" 1 true 2>err || code=$?
[ "$code" -ne 77 ] || skip "$(cat err)"
[ "$code" -eq 0 ] || fail "exit code $code, not 0"

"$hosts" 2 "$MPIEXEC" -n 2 hostname >out 2>err
sort out | xargs >names
expect_line '^host1 host2$' names
code=0
# shellcheck disable=SC2016 # a variable on the head
"$hosts" --rate 1gbit 1 sh -c '"$OMPI_MCA_plm_rsh_agent" host1 tc qdisc show dev eth0; exit 7' >out 2>err || code=$?
case $code in
7) expect_line 'tbf .* rate 1Gbit' out ;;
77) expect_line 'tc does not limit the rate' err ;;
*) fail "exit code $code, not 7" ;;
esac
for wrong in "" 0 "x true" "--rate 1 1 true" "2"; do
    # shellcheck disable=SC2086 # words
    expect_code 2 "$hosts" $wrong 2>err
    expect_line '^usage: hosts.sh ' err
done

# killed, it takes its hosts with it
"$hosts" 2 sh -c 'echo up; exec sleep 100' >out 2>err &
command=$!
until grep -q up out; do
    kill -0 "$command" || fail "the command ended by itself"
    sleep 0.05
done
pgrep -P "$command" >children
[ "$(wc -l <children)" -eq 2 ] || fail "not two hosts"
are_left() { ps -o stat= -p "$(paste -sd, children)" | grep -qv '^Z'; }
are_left || fail "no hosts"
kill -s KILL "$command"
for _ in $(seq 100); do
    are_left || break
    sleep 0.05
done
! are_left || fail "its hosts are left"

for python in python3 /usr/bin/python3 ""; do
    ! "$python" -c 'import h5py' 2>/dev/null || break
done
[ -n "$python" ] || skip "h5py is not installed; the rest is as it should be"
compare() { "$python" "$SOURCE_DIR/scripts/compare_hosts.py" --no-torch --networks unlimited --models a "$@"; }
compare --nnmpi "$NNMPI,$NNMPI" --rounds 1 --seconds 0 --ways float32 none:train.nothing=1 --json table.json \
    >out 2>err
expect_line '^\| unlimited \| a: 784-128-10, 64 \| [0-9,.]+ \| - \| [0-9,.]+ \([0-9.]+\) \| - \|$' out
expect_line "^- without a start of 2 none, .*: nnmpi: .*unknown key 'nothing'" out
"$python" - <<'PY'
import json
rows = json.load(open("table.json"))["rows"]
assert [(r["hosts"], r["network"], r["model"]) for r in rows] == [(2, "unlimited", "a")], rows
rates = rows[0]["rates"]
assert set(rates) == {"1 float32", "2 float32"} and all(len(r) == 1 and r[0] > 0 for r in rates.values()), rates
PY
expect_code 1 compare --hosts 3 2>err
expect_line '64 samples .* is not divided among 3 hosts' err
expect_code 1 compare --ways fp8 2>err
expect_line "'fp8' is none of float32, bf16" err
