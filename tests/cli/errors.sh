#!/usr/bin/env bash
# ranks: 1 3
# timeout: 180
# Whatever is wrong with the input: one line that names file, place and mend, the exit code for that
# kind of error, soon, on all ranks, and nothing else but what mpirun has to say.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"

# One rank is started as people start one: without mpirun.
launch=("$SOURCE_DIR/tests/ranks.sh" "$RANKS")
[ "$RANKS" -gt 1 ] || launch=(env)

# refuses CODE REGEX COMMAND...: ends with that code and one line that matches, within seconds.
refuses() {
    local code=$1 regex=$2 got=0
    shift 2
    timeout -k 5 30 "${launch[@]}" "$@" > out 2> err || got=$?
    [ "$got" -eq "$code" ] || fail "exit code $got, not $code: ${*:2}"
    # without mpirun's boxes, and the warning that there are more ranks than cores
    sed -E '/^-{20,}$/,/^-{20,}$/d; /warning: .* ranks share/d; /^\[[^]]*\] [0-9]+ more process/d
        /^\[[^]]*\] Set MCA parameter/d' err > said
    [ "$(grep -cE "^nnmpi: ($regex)" said)" -eq 1 ] || fail "no line '$regex' from: ${*:2}"
    [ "$(wc -l < said)" -eq 1 ] || fail "more than one line from: ${*:2}: $(cat said)"
}
trains() { refuses "$1" "$2" "$NNMPI" train "${@:3}" -q; }

cat > net.yaml <<'YAML'
data: {path: blobs.h5}
model:
  - dense: {name: fc1, units: 8, activation: tanh}
  - dense: {name: fc2, units: 3}
loss: cross_entropy
train: {epochs: 3, batch_size: 10, lr: 0.1}
checkpoint: {every_steps: 10}
YAML
"$NNMPI" data make blobs -O blobs.h5 --samples 150 --test 0.2 -q

# once: for what is found out alike on any number of ranks.
once() { [ "$RANKS" -gt 1 ] || "$@"; }

# with LINE TEXT: a configuration of its own, odd.yaml, with that line changed.
with() { sed "$1s/.*/$2/" net.yaml > odd.yaml; }

# ---- files that are not there, or not what they should be
trains 2 "cannot open 'missing.yaml'" missing.yaml
with 1 'data: {path: missing.h5}'
trains 3 "odd.yaml:1:14: cannot open 'missing.h5'" odd.yaml
mkdir recipe
cp odd.yaml recipe/
: > recipe/fetch.sh
once trains 3 "recipe/odd.yaml:1:14: cannot open 'missing.h5': [^;]*; recipe/fetch.sh gets it" recipe/odd.yaml
once refuses 3 'missing.h5: ' "$NNMPI" eval missing.h5
head -c 3000 blobs.h5 > cut.h5
trains 3 "'cut.h5' is truncated" net.yaml -o data.path=cut.h5
once trains 3 "'net.yaml' is not an HDF5 file" net.yaml -o data.path=net.yaml
once refuses 3 'blobs.h5 is no checkpoint' "$NNMPI" eval blobs.h5
: > empty.h5
once trains 3 "'empty.h5' is not an HDF5 file: it is empty" net.yaml -o data.path=empty.h5

# ---- the configuration
printf 'data: {path: blobs.h5\nmodel: []\n' > odd.yaml
once trains 2 'odd.yaml:2:' odd.yaml
with 6 'train: {epohcs: 3, batch_size: 10}'
trains 2 "odd.yaml:6:9: unknown key 'epohcs' of train, did you mean 'epochs'" odd.yaml
once trains 2 "-o train.epohcs: unknown key 'epohcs' of train, did you mean 'epochs'" net.yaml -o train.epohcs=3
with 6 'train: {epochs: 3, batch_size: 10, lr: -1}'
once trains 2 'odd.yaml:6:40: lr = -1 of train is out of range \(0, inf\)' odd.yaml
with 6 'train: {epochs: 3, batch_size: 121, lr: 0.1}'
trains 2 "odd.yaml:6:32: batch_size = 121 .* larger than the 120 samples of 'train' in blobs.h5" odd.yaml
with 3 '  - dense: {name: fc1, units: 8, activation: tanhh}'
once trains 2 "odd.yaml:3:46: unknown (layer|activation) 'tanhh', did you mean 'tanh'" odd.yaml
# shapes: of layers that are added, of the last layer and the classes
with 4 '  - {dense: {name: fc2, units: 3}}\n  - add: {inputs: [fc1, fc2]}'
trains 2 "odd.yaml:5:10: .*'fc1' gives \[8\] but 'fc2' gives \[3\]" odd.yaml
with 4 '  - dense: {name: fc2, units: 2}'
once trains 2 'odd.yaml:5:7: the data set has 3 classes but the model ends with 2 outputs: end it with dense: .units: 3' odd.yaml

# ---- what the data hold
if /usr/bin/python3 -c 'import h5py' 2> /dev/null; then
    /usr/bin/python3 - <<'PY'
import h5py, numpy as np
n, x = 60, np.random.default_rng(0).normal(size=(60, 4)).astype("f4")
def make(name, **changed):
    fields = {"train/x": x, "train/y": (np.arange(n) % 3).astype("u1")}
    fields.update({k.replace("_", "/"): v for k, v in changed.items()})
    with h5py.File(name, "w") as f:
        f.attrs["classes"] = ["a", "b", "c"]
        for key, value in fields.items():
            f[key] = value
def put(array, at, value):
    array = array.copy()
    array[at] = value
    return array
label = (np.arange(n) % 3).astype("i4")
make("rank.h5", train_x=np.float32(3))
make("deep.h5", train_x=x.reshape(60, 1, 1, 1, 1, 1, 1, 4))
make("complex.h5", train_x=x.astype("c8"))
make("text.h5", train_x=np.array([b"a"] * n))
make("high.h5", train_y=put(label, 17, 3))
make("low.h5", train_y=put(label, 5, -2))
make("nan.h5", train_x=put(x, (37, 2), np.nan))
make("inf.h5", test_x=put(x, (8, 0), -np.inf), test_y=label)
make("rows.h5", train_y=label[:59])
make("other.h5", test_x=np.zeros((n, 5), "f4"), test_y=label)
with h5py.File("apart.h5", "w") as f:
    f["test/x"], f["test/y"] = x, label
with h5py.File("names.h5", "w") as f:
    f["x"], f["y"] = x, label
PY
    trains 3 "apart.h5: no split 'train'; it has test" net.yaml -o data.path=apart.h5
    data() { trains 3 "$2" net.yaml -o "data.path=$1"; }
    once data rank.h5 'rank.h5: /train/x has 0 dimensions; samples \[N, ...\] have'
    once data deep.h5 'deep.h5: /train/x has 8 dimensions; samples \[N, ...\] have'
    once data complex.h5 ".*/train/x' of 'complex.h5' holds compounds where numbers are needed"
    once data text.h5 ".*/train/x' of 'text.h5' holds strings where numbers are needed"
    data high.h5 'high.h5: /train/y row 17 holds label 3, but there are 3 classes \(0 to 2\)'
    once data low.h5 'low.h5: /train/y row 5 holds -2; labels are 0, 1, 2 ... or -1'
    data nan.h5 '(rank [0-9] on [^:]*: )?nan.h5: /train/x row 37 holds NaN'
    data inf.h5 '(rank [0-9] on [^:]*: )?inf.h5: /test/x row 8 holds Inf'
    once data rows.h5 'rows.h5: /train/y has 59 rows but /train/x has 60'
    once data other.h5 'other.h5: a row of /test/x is \[5\] but one of /train/x is \[4\]'
    once data names.h5 'names.h5: no /train.* this file has /x, /y'
else
    printf 'without h5py: no odd data sets\n' >&2
fi

# ---- run folders
run_ranks "$RANKS" "$NNMPI" train net.yaml --run run -q > out 2> err
cp -r run same
trains 2 ".*the folder 'run' already holds a run; add --resume" net.yaml --run run
expect_same <("$NNMPI" digest run/last.h5 | cut -c1-64) <("$NNMPI" digest same/last.h5 | cut -c1-64)
once trains 2 '.*--resume needs the folder of the run to go on with: --run DIR' net.yaml --resume
trains 6 ".*cannot make the folder 'run/last.h5': a file stands in its way" net.yaml --run run/last.h5/r
once trains 6 ".*cannot make the folder '/proc/run'" net.yaml --run /proc/run
if [ "$(id -u)" -ne 0 ]; then
    mkdir -m 500 closed
    trains 6 ".*'closed/run'" net.yaml --run closed/run
fi

# ---- checkpoints: of another model, damaged
with 3 '  - dense: {name: fc1, units: 9, activation: tanh}'
trains 3 '.*run/last.h5: /model/fc1/weight is \[8, 2\], the model has \[9, 2\]' odd.yaml --run run --resume
with 3 '  - dense: {name: hidden, units: 8, activation: tanh}'
once trains 3 ".*run/last.h5 is a checkpoint of another model: it has no layer 'hidden'" odd.yaml --run run --resume
"$NNMPI" data make blobs -O five.h5 --features 5 --samples 60 --test 0.5 -q
once refuses 3 "five.h5: x of 'test' is \[5\] a sample, but the model takes \[2\]" \
    "$NNMPI" eval run/last.h5 --data five.h5

# flip FILE: one bit in its middle.
flip() {
    python3 - "$1" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(0, 2)
    middle = f.tell() // 2
    f.seek(middle)
    bit = f.read(1)[0] ^ 4
    f.seek(middle)
    f.write(bytes([bit]))
PY
}
flip same/last.h5
refuses 3 'same/last.h5: the file is damaged' "$NNMPI" eval same/last.h5
refuses 0 'warning: same/last.h5: .*damaged.*; going on from checkpoint-30.h5 instead' \
    "$NNMPI" train net.yaml --run same --resume -q
expect_same <("$NNMPI" digest run/last.h5 | cut -c1-64) <("$NNMPI" digest same/last.h5 | cut -c1-64)
for file in same/checkpoint-*.h5; do flip "$file"; done
trains 3 ".*no checkpoint in 'same' can be used: same/last.h5: .*damaged" net.yaml --run same --resume

# ---- divergence: the last good checkpoint stays
diverging=(net.yaml -o loss=squared -o train.lr=1e15 -o checkpoint.every_steps=1)
trains 4 '(rank [0-9]+ on [^ ]+: )?training diverged: (the loss of|in) step [0-9]+ .*; lower the learning rate \(train.lr, now 1e\+15\) or clip gradients; the checkpoint of step [0-9]+ is good' \
    "${diverging[@]}" --run wild
"$NNMPI" digest wild/last.h5 > before
trains 4 '(rank [0-9]+ on [^ ]+: )?training diverged: .*now 1e\+15' "${diverging[@]}" --run wild --resume
"$NNMPI" digest wild/last.h5 > after
expect_same before after

# ---- disk full, disk broken: the last good checkpoint stays
shim fault
faults=(env LD_PRELOAD="$PWD/fault.so")
[ "$RANKS" -eq 1 ] || faults+=(FAULT_RANK=0)
for run in full broken; do cp -r run $run; done
more=(net.yaml --resume -o train.epochs=20)
trains_badly() { refuses 6 "$1" "${faults[@]}" "${@:2}" -q; }
trains_badly '.*full/checkpoint-.*No space left on device' FAULT=pwrite FAULT_AT=2+ FAULT_ERRNO=ENOSPC \
    FAULT_PATH=full/checkpoint "$NNMPI" train "${more[@]}" --run full
trains_badly ".*full/metrics.jsonl.*No space left on device" FAULT=write FAULT_AT=1 FAULT_ERRNO=ENOSPC \
    FAULT_PATH=metrics "$NNMPI" train "${more[@]}" --run full
trains_badly '.*broken.*Input/output error' FAULT=fsync FAULT_AT=2 FAULT_ERRNO=EIO \
    FAULT_PATH=broken/ "$NNMPI" train "${more[@]}" --run broken
for run in full broken; do "$NNMPI" digest $run/last.h5 > out; done

# and a file system that really has no room, where this user may mount one
mkdir small
inside=(unshare --mount)
[ "$(id -u)" -eq 0 ] || inside=(unshare --user --map-root-user --mount)
if "${inside[@]}" mount -t tmpfs -o size=96k none small 2> /dev/null; then
    inside+=(bash -ec 'mount -t tmpfs -o size=96k none small; exec "$@"' --)
    got=0
    "${inside[@]}" "${launch[@]}" "$NNMPI" train net.yaml --run small/run -q \
        -o train.epochs=50 > out 2> err || got=$?
    [ "$got" -eq 6 ] || fail "exit code $got, not 6, on a full disk"
    [ "$(grep -cE "^nnmpi: .*small/run.*(free|No space left)" err)" -eq 1 ] || fail "a full disk: $(cat err)"
else
    printf 'no mounts here: no full file system\n' >&2
fi
