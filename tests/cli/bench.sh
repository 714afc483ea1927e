#!/usr/bin/env bash
# timeout: 120
# What `nnmpi bench` measures is there and adds up; how fast this machine is does not matter.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" bench gemm --widths 20,30,4 --batch 8 --threads 1 --seconds 0 > out
expect_line '^peak of 1 thread: [0-9.]+ GFLOP/s$' out
[ "$(grep -cE "^(y|dW|dx) =" out)" -eq 5 ] || fail "not two products of the first layer and three of the second"
"$NNMPI" bench gemm --widths 20,30,4 --batch 8 --threads 2 --seconds 0 --json > out
"$NNMPI" bench memory --threads 1 --seconds 0 --json > memory.json
python3 - <<'PY'
import json
r = json.load(open("out"))
assert r["threads"] == 2 and r["peak_gflops"] > 0 and "OpenBLAS" in r["products"], r
assert [(p["m"], p["n"], p["k"]) for p in r["gemm"]] == \
    [(8, 30, 20), (20, 30, 8), (8, 4, 30), (30, 4, 8), (8, 30, 4)], r
assert all(p["blas_gflops"] > 0 and p["own_gflops"] > 0 and p["chosen_gflops"] > 0 for p in r["gemm"]), r
has_bf16 = "avx512_bf16" in open("/proc/cpuinfo").read()
assert all((p["bf16_gflops"] > 0) == has_bf16 for p in r["gemm"]), r
r = json.load(open("memory.json"))
assert len(r["memory"]) >= 4 and all(m["one_gbs"] > 0 and m["all_gbs"] > 0 for m in r["memory"]), r
PY
for widths in 5 5,0 5,x "5,6," ""; do
    expect_code 2 "$NNMPI" bench gemm --widths "$widths" > out 2> err
done
expect_code 2 "$NNMPI" bench gemm --widths "$(seq -s, 65)" > out 2> err
expect_line 'takes at most 64 numbers' err
expect_code 2 "$NNMPI" bench 2> err
expect_line 'gemm, memory, reduce, step, reproducible or scaling' err
expect_code 2 "$NNMPI" bench reduce 2> err
expect_line 'mpirun -n 2' err

run_ranks 2 "$NNMPI" bench reduce --largest 64 --json > out 2> err
run_ranks 2 "$NNMPI" bench step -o train.threads=1 --seconds 0.1 --json > step.json 2> err
run_ranks 2 "$NNMPI" bench scaling -o train.threads=1 --seconds 0.1 --json > scaling.json 2> err
python3 - <<'PY'
import json
r = json.load(open("out"))
assert r["ranks"] == 2 and r["message"]["bandwidth_gbs"] > 0, r
assert all(s["allreduce_s"] > 0 and s["node_s"] > 0 for s in r["reduce"]), r
r = json.load(open("step.json"))
s = r["step"]
phases = sum(s[p + "_s"] for p in ("data", "forward", "backward", "comm", "update"))
assert 0 < phases <= s["seconds"] * 1.001, r
assert abs(s["seconds"] * s["samples_per_s"] - s["batch_size"]) < 1e-6, r
dense = [l for l in s["layers"] if l["kind"] == "dense"]
assert dense and all(l["forward_s"] > 0 and l["backward_s"] > 0 for l in dense), r
# half the minibatch of each rank, 4 x 6 weights, 2 operations each
rows = s["batch_size"] / 2
assert abs(dense[0]["forward_gflop"] * 1e9 - 2 * 24 * rows) < 1e-3, r
assert abs(dense[0]["backward_gflop"] - dense[0]["forward_gflop"]) < 1e-12, r
assert abs(dense[1]["backward_gflop"] - 2 * dense[1]["forward_gflop"]) < 1e-12, r
# 4 numbers in and 6 out for each row, 24 weights, 6 biases, each moved once
assert abs(dense[0]["forward_mb"] * 1e6 - 4 * (rows * (4 + 6) + 30)) < 1e-3, r
least = sum(max(gflop / r["peak_gflops"], mb / 1e3 / r["memory_gbs"]) for gflop, mb in
            [(s["update_gflop"], s["update_mb"])] +
            [(l[way + "_gflop"], l[way + "_mb"]) for l in s["layers"] for way in ("forward", "backward")])
assert abs(r["share"] * s["seconds"] / least - 1) < 1e-6, r
assert (r["bound"] == "overhead") == (r["share"] < 0.5) and r["bound"] in ("overhead", "compute", "memory"), r
r = json.load(open("scaling.json"))
at = {(p["ranks"], p["gbits"]): p for p in r["scaling"]}
assert r["nodes"] == 1 and min(ranks for ranks, _ in at) == 4 and {g for _, g in at} == {1, 10, 100}, r
assert at[4, 1]["strong"]["efficiency"] < at[4, 100]["strong"]["efficiency"], r
assert at[4096, 10]["strong"]["efficiency"] < at[4096, 10]["weak"]["efficiency"] < 1, r
for p in r["scaling"]:
    for way in p["strong"], p["weak"]:
        assert 0 < way["exposed_s"] < way["seconds"] and {*way["by_rows"]} <= {"hidden", "output"}, p
PY
NNMPI_TEST_NODES=2 run_ranks 4 "$NNMPI" bench reduce --largest 64 > out 2> err
NNMPI_TEST_NODES=2 run_ranks 4 "$NNMPI" bench step -o train.threads=1 --seconds 0.1 > out 2> err
expect_line '4 ranks on 2 nodes' err
NNMPI_TEST_NODES=2 run_ranks 4 "$NNMPI" bench scaling -o train.threads=1 --seconds 0.1 > out 2> err
expect_line '^a step of [0-9.]+ us on 4 ranks of 2 nodes' out
expect_line '^between the nodes of this run: [0-9.]+ us, [0-9.]+ us a message, [0-9.]+ Gbit/s$' out
expect_line '^a step takes .* us waiting; predicted: [0-9.]+ us, [0-9.]+ us$' out
expect_line '^ +4096( +[0-9.]+){8}$' out
NNMPI_TEST_NODES=2 expect_code 2 run_ranks 3 "$NNMPI" bench scaling -o train.threads=1 > out 2> err
expect_line 'the 3 ranks are not spread evenly over the 2 nodes: start as many on each' err
NNMPI_TEST_NODES=2 run_ranks 4 "$NNMPI" bench scaling -o train.threads=1 --seconds 0.1 --json > out 2> err
python3 - <<'PY'
import json
r = json.load(open("out"))
here = [p for p in r["scaling"] if p["here"]]
assert r["nodes"] == 2 and r["network"]["gbits"] > 0 and r["network"]["latency_s"] > 0, r
assert len(here) == 11 and all(p["gbits"] == r["network"]["gbits"] for p in here), r
PY
"$NNMPI" bench step -o train.threads=1 --seconds 0.1 > out 2> err
expect_line '^minibatch of [0-9]+: .* reduce: none$' out
expect_line '^forward +[0-9.]+ +[0-9.]+$' out
expect_line '^bound by (compute|memory|overhead): multiply-adds of float32 at [0-9.]+ GFLOP/s' out
expect_line '^hidden( +[0-9.]+ +[0-9.]+ (compute|memory|overhead) +[0-9.]+){2} +[0-9.]+$' out
"$NNMPI" bench scaling -o train.threads=1 --seconds 0.1 > out 2> err
"$NNMPI" bench reproducible -o train.threads=1 --seconds 0.1 > price
expect_line '^a step takes [0-9.]+ us, and [0-9.]+ us with train.reproducible: [-+][0-9.]+ %$' price
expect_line '^ +4096( +[0-9.]+){6}$' out
"$NNMPI" bench scaling -o train.threads=1 --seconds 0.1 --gbits 25 --latency 0 > out 2> err
expect_line '^ +4096( +[0-9.]+){2}$' out
for list in x 1,0 "1," 1,2,3,4,5,6,7,8,9; do
    expect_code 2 "$NNMPI" bench scaling --gbits "$list" > out 2> err
    expect_line '--gbits' err
done
