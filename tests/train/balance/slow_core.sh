#!/usr/bin/env bash
# ranks: 2
# timeout: 120
# A rank whose core is slow is named, once on the screen and in each line of metrics.jsonl.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"
. "$SOURCE_DIR/tests/slow_rank.sh"

make_slow_training
start_slowly run
wait_slowly grep -q 'is slow' err
end_slowly
expect_line "rank 1 on $(uname -n) is slow: its part of a step takes it [1-9][0-9.]* times as long" err
[ "$(grep -c 'is slow' err)" -eq 1 ] || fail "said more than once"
python3 - <<'PY'
import json
lines = [e["slowest"] for e in map(json.loads, open("run/metrics.jsonl")) if e["event"] == "train"]
slow = [s for s in lines if s["rank"] == 1 and s["factor"] > 1.2 and s["waited_s"] > 0]
assert len(slow) > len(lines) / 2, lines
assert all(s["work_s"] > 0 and s["host"] for s in lines), lines
PY
