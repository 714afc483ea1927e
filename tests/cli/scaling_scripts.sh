#!/usr/bin/env bash
# ranks: 2
# timeout: 120
# scripts/plot_scaling.py draws what bench scaling predicts, scripts/compare_scaling.py puts it beside hosts.
. "$SOURCE_DIR/tests/lib.sh"
for python in python3 /usr/bin/python3 ""; do
    ! "$python" -c 'import h5py' 2>/dev/null || break
done
[ -n "$python" ] || skip "h5py is not installed"

"$python" "$SOURCE_DIR/scripts/plot_scaling.py" --nnmpi "$NNMPI" --models a --seconds 0 --out curves.svg >out 2>err
[ "$(grep -cE '^\| a: 784-128-10, 64( \| [01]\.[0-9][0-9]){9} \|$' out)" -eq 2 ] || fail "not two tables: $(cat out)"
"$python" - <<'PY'
import xml.etree.ElementTree as tree
lines = [e for e in tree.parse("curves.svg").getroot().iter() if e.tag.endswith("polyline")]
points = [[tuple(map(float, p.split(","))) for p in e.get("points").split()] for e in lines]
assert len(points) == 6 and all(len(p) == 13 and p[0] == (0, 0) for p in points), points  # 1, 2, ... 4096 ranks
PY

code=0
"$python" "$SOURCE_DIR/scripts/compare_scaling.py" --nnmpi "$NNMPI" --hosts 2 --networks 1gbit --models a \
    --ways float32 --rounds 1 --seconds 0 >out 2>err || code=$?
[ "$code" -ne 77 ] || skip "$(cat err); the rest is as it should be"
[ "$code" -eq 0 ] || fail "exit code $code, not 0"
expect_line '^fitted: [0-9.]+ us, [0-9.]+ us a message, [0-9.]+ of 1gbit$' out
expect_line '^\| 1gbit \| 2 \| a, float32 \| [0-9.]+ \|( [0-9.]+ \([0-9.]+\) \|){2} (-|fc1) \|$' out
