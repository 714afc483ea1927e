#!/usr/bin/env bash
# timeout: 120
# `mpirun -n 8 nnmpi` as README prints it, on any number of ranks: Iris, at least 29 of the 30 test
# flowers right, and the same to rounding everywhere.
. "$SOURCE_DIR/tests/lib.sh"

# Nothing but what README says: scripts/env.sh, and the program on PATH.
for name in $(compgen -e | grep -E '^(OMPI|PMIX|PRTE)_' || true); do unset "$name"; done
# shellcheck source=scripts/env.sh
. "$SOURCE_DIR/scripts/env.sh"
PATH=${NNMPI%/*}:$PATH

nnmpi > out 2> err # one process alone
for ranks in 1 2 3 4 8; do
    mkdir "$ranks"
    (cd "$ranks" && mpirun -n "$ranks" nnmpi > ../out 2> ../err)
    tail -n 1 out > last
    expect_line '^test accuracy (0\.9667|1\.0000), loss [0-9.e-]+ \(30 samples\)$' last
    [ "$(grep -c '^test accuracy' out)" -eq 1 ] || fail "$ranks ranks speak more than once"
    mv "$ranks"/runs/iris-* "run$ranks"
done
mv runs/iris-* run0

python3 - <<'PY'
import json
def story(ranks):
    events = [json.loads(line) for line in open(f"run{ranks}/metrics.jsonl")]
    assert events[-1]["event"] == "end" and events[-1]["ranks"] == max(ranks, 1)
    assert round(30 * events[-1]["accuracy"]) >= 29
    return [(e["event"], e["step"], e["loss"]) for e in events if e["event"] != "checkpoint"]
alone = story(0)
for ranks in (1, 2, 3, 4, 8):
    several = story(ranks)
    assert len(several) == len(alone) > 200, (ranks, len(several))
    for a, b in zip(alone, several):
        assert a[:2] == b[:2] and abs(a[2] - b[2]) <= 1e-5 * a[2], (ranks, a, b)
PY
