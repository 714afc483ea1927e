#!/usr/bin/env bash
# ranks: 2
# nodes: 2
# timeout: 180
# train.balance: speed gives a slow rank fewer rows, which makes steps faster and changes nothing but rounding;
# a run goes on with the shards it had.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
. "$SOURCE_DIR/tests/slow_rank.sh"

make_slow_training
cat >look.py <<'PY'
import json, statistics, sys
def lines(run):
    return [e for e in map(json.loads, open(f"{run}/metrics.jsonl")) if e["event"] == "train"]
PY
# Whether the last steps were faster than the first ones, when the slow rank had as many rows as the other.
cat >faster.py <<'PY'
from look import *
def rate(some):
    return statistics.median(e["samples_per_s"] for e in some)
all = lines("run")
even = [e for e in all if e["rows_least"] == e["rows_most"] == 128]
assert even and all[-1]["rows_least"] + all[-1]["rows_most"] == 256
last = [e for e in all if e["rows_most"] == all[-1]["rows_most"]]
sys.exit(not (last[0]["rows_most"] > 140 and rate(last) > 1.3 * rate(even)))
PY
start_slowly run -o train.balance=speed
wait_slowly python3 faster.py
end_slowly

# goes_on RUN RANKS OPTION...: a copy of the run goes on for two steps, all before the first look at speeds
step=$("$NNMPI" inspect run/last.h5 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["state"]["step"])')
goes_on() {
    cp -r run "$1"
    run_ranks "$2" "$NNMPI" train net.yaml --run "$1" --resume -o train.max_steps=$((step + 2)) \
        -o train.log_every=$((step + 2)) -o validate.every_steps=1 -o validate.split=train "${@:3}" >out 2>err
}
goes_on same 2 -o train.balance=speed
goes_on allreduce 2 -o train.balance=speed -o train.reduce=allreduce
goes_on rows 2 -o train.balance=speed -o train.between_nodes=rows
goes_on bf16 2 -o train.balance=speed -o train.between_nodes=rows -o train.compress=bf16
goes_on passes 2 -o train.balance=speed -o train.accumulate=2
goes_on other 3 -o train.balance=speed
goes_on even 2 -o train.balance=even
expect_line 'train.balance is even now and was speed' err
python3 - <<'PY'
from look import *
last = {run: lines(run)[-1:] for run in ("same", "allreduce", "rows", "bf16", "passes", "other", "even")}
def validations(run):
    found = [e for e in map(json.loads, open(f"{run}/metrics.jsonl")) if e["event"] == "validate"]
    assert len(found) >= 2, run
    return found
def rows(run):
    return {(e["rows_least"], e["rows_most"]) for e in last[run]}
assert len(rows("same")) == 1 and min(rows("same"))[0] < 120, rows("same")
for way in "allreduce", "rows", "bf16":
    assert rows("same") == rows(way), (rows("same"), way, rows(way))
assert rows("other") == {(85, 86)} and rows("passes") == {(64, 64)}
for run in last:
    tolerance = 1e-2 if run == "bf16" else 1e-4
    for a, b in [*zip(last[run], last["even"]), *zip(validations(run), validations("even"))]:
        assert a["step"] == b["step"] and abs(a["loss"] - b["loss"]) <= tolerance * b["loss"], (run, a, b)
PY
