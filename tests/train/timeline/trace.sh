#!/usr/bin/env bash
# ranks: 1 3
# nodes: 2
# timeout: 120
# train.trace: a timeline of the steps asked for in Chrome's format: all ranks, every layer forward and backward in every
# step, sums, updates, a checkpoint. Rows nest, what is in a step makes up its time, and the steps of the ranks lie over
# each other. The run has the bits of one without it.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" data make blobs -O blobs.h5 --samples 120 --valid 0.25 --features 300 --seed 3 --spread 3 -q
cat > net.yaml << 'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 400, activation: tanh}
  - batch_norm: {name: bn}
  - dense: {name: fc2, units: 300, activation: tanh}
  - dense: {name: fc3, units: 3}
loss: cross_entropy
train: {epochs: 3, batch_size: 10, lr: 0.01, log_every: 1000, threads: 1, between_nodes: gradients, trace: {steps: [4, 9]}}
checkpoint: {every_steps: 2}
YAML
run_ranks "$RANKS" "$NNMPI" train net.yaml -q --run run > out 2> err
sed 's/, trace: .*]}//' net.yaml > plain.yaml
run_ranks "$RANKS" "$NNMPI" train plain.yaml -q --run plain > out 2> err
[ ! -e plain/trace.json ] || fail "a timeline that nobody wanted"
[ "$("$NNMPI" digest run/last.h5 | cut -c -64)" = "$("$NNMPI" digest plain/last.h5 | cut -c -64)" ] ||
    fail "the timeline changed bits"

python3 - "$RANKS" "${NNMPI_TEST_NODES:-1}" << 'PY'
import json, re, sys
ranks, nodes = int(sys.argv[1]), int(sys.argv[2])
events = json.load(open("run/trace.json"))["traceEvents"]
assert {e["pid"] for e in events} == set(range(ranks))
names = {(e["pid"], e["args"]["name"]) for e in events if e["name"] == "process_name"}
assert len(names) == ranks and all(re.fullmatch(rf"rank {r} on .+", n) for r, n in names)
labels = [e["args"]["name"] for e in events if e["name"] == "process_labels"]
assert all("; 0 events left out" in l for l in labels), labels

# A row: none reaches over the end of one that it begins in. In nanoseconds, as the file has them.
inside = {}
for rank in range(ranks):
    for row in {e["tid"] for e in events if e["pid"] == rank and e["ph"] == "X"}:
        own = [e for e in events if (e["pid"], e["tid"], e["ph"]) == (rank, row, "X")]
        for e in own:
            e["begin"], e["end"] = round(e["ts"] * 1000), round(e["ts"] * 1000) + round(e["dur"] * 1000)
            assert e["begin"] <= e["end"]
        stack = []
        for e in sorted(own, key=lambda e: (e["begin"], -e["end"])):
            while stack and stack[-1]["end"] <= e["begin"]:
                stack.pop()
            assert not stack or e["end"] <= stack[-1]["end"], (rank, e, stack[-1])
            e["in"] = [o["name"] for o in stack]
            stack.append(e)
        inside.setdefault(rank, []).extend(own)

steps = {}
for rank, own in inside.items():
    count = lambda name: sum(e["name"] == name for e in own)
    for layer in ("fc1", "fc1_tanh", "bn", "fc2", "fc2_tanh", "fc3"):
        for way in ("forward", "backward"):
            found = [e for e in own if e["name"] == f"{layer} {way}"]
            assert len(found) == 6 and all(way in e["in"] for e in found), (rank, layer, way, found)
    assert count("sum of bucket 0") + count("wait") > 0
    assert count("validate") in (0, 1)
    assert count("checkpoint") >= 3
    for e in own:
        if e["cat"] == "step":
            steps.setdefault(int(e["name"].split()[1]), {})[rank] = e
assert any(e["name"] == "update" for own in inside.values() for e in own)  # not every rank owns a slice
assert any(e["name"] == "write the checkpoint of step 4" for e in inside[0])
assert nodes == 1 or {e["ph"] for e in events if e.get("cat") == "bucket"} == {"b", "e"}

# The best of the steps: another one may have lost the processor between two events, as happens to more ranks than cores.
assert sorted(steps) == list(range(4, 10)), steps.keys()
for rank, own in inside.items():
    share = []
    for step in steps:
        whole = steps[step][rank]
        parts = [e for e in own if e["in"][:1] == [whole["name"]] and
                 (e["name"] == "data" or len(e["in"]) == 2 and e["in"][1] in ("forward", "backward"))]
        share.append(sum(e["end"] - e["begin"] for e in parts) / (whole["end"] - whole["begin"]))
    assert (0.8 if ranks == 1 else 0.2) < max(share) <= 1, (rank, share)
for step, of in steps.items():
    assert len(of) == ranks and max(e["begin"] for e in of.values()) < min(e["end"] for e in of.values()), step
PY

for steps in '[5, 4]' '[0, 4]' 5 '[1, 2, 3]'; do
    expect_code 2 "$NNMPI" train net.yaml -q --run bad -o "train.trace.steps=$steps" 2> err
    expect_line 'steps are the first and the last step of the timeline, from 1 on: \[100, 110\]' err
done
