#!/usr/bin/env bash
# timeout: 180
# Files with a few bytes changed, cut off or put in: read, or refused with a message, never a crash,
# a hang or a large part of the memory. The same files every time.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"
rounds=${ROUNDS:-12}
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # HDF5 leaks what it finds damaged

"$python" - "$SOURCE_DIR" <<'PYTHON'
import gzip, shutil, sys, h5py, numpy as np
rng = np.random.default_rng(1)
x = rng.integers(0, 256, (40, 5, 4, 3)).astype("u1")
with h5py.File("base.h5", "w") as f:
    f.create_dataset("train/x", data=x, chunks=(8, 5, 4, 3), compression="gzip", fletcher32=True)
    f["train/y"], f["train/id"] = np.arange(40) % 2, [f"row {i}" for i in range(40)]
    f.attrs["scale"], f.attrs["classes"], f.attrs["layout"] = 1 / 255, ["a", "b"], "channels_last"
with h5py.File("base-new.h5", "w", libver="latest") as f:
    f["train/x"], f["train/y"] = rng.normal(size=(30, 4)), np.arange(30) % 3
open("base.idx", "wb").write(bytes([0, 0, 8, 3]) + np.array([6, 4, 3], ">i4").tobytes() + bytes(72))
open("labels", "wb").write(bytes([0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 0, 1, 0, 1]))
shutil.copy(f"{sys.argv[1]}/datasets/iris/iris.csv", "base.csv")
gzip.open("base.csv.gz", "wb").write(open("base.csv", "rb").read())
open("base.yaml", "w").write("""data: {source: iris, normalize: true}
model: [dense: {name: a, units: 6, activation: tanh}, &d dropout: {rate: 0.1}, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 2, batch_size: 10, optimizer: {sgd: {lr: 0.1}}, schedule: {step: {every: 1}}}
validate: {metrics: [accuracy, f1]}
""")
PYTHON
cat >mutate.py <<'PYTHON'
import random, sys
base, out, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(f"{base} {seed}")
data = bytearray(open(base, "rb").read())
for _ in range(rng.choice([1, 1, 2, 8])):
    at, kind = rng.randrange(len(data)), rng.random()
    if kind < 0.5:
        data[at] = rng.choice([0, 1, 127, 128, 255, data[at] ^ 1 << rng.randrange(8)])
    elif kind < 0.7:
        data[at:at + 8] = rng.choice([b"\xff" * 8, b"\0" * 8, b"\xff" * 7 + b"\x7f", b"\0\0\0\x40\0\0\0\0"])
    elif kind < 0.8:
        del data[at:]
    elif kind < 0.9:
        del data[at:at + rng.randrange(1, 9)]
    else:
        data[at:at] = rng.choice([b"99999999999", b"[[[[[[[[", b"{", b'"', b"\n", b"&x *x", b",,", b"-1"])
    if not data:
        data = bytearray(b"\0")
open(out, "wb").write(data)
PYTHON

# survive FILE COMMAND...: ends by itself with one of the codes for what users can mend
survive() {
    local file=$1 got=0
    shift
    bash -c "$limit_memory; exec timeout -s KILL 20 \"\$@\"" - "$@" >out 2>err || got=$?
    case $got in
    0 | 2 | 3 | 6) return ;;
    esac
    cp "$file" "${TMPDIR:-/tmp}/nnmpi-mutated-${file##*/}"
    fail "exit code $got of $*; the file is kept in ${TMPDIR:-/tmp}"
}

for ((seed = ${FIRST:-1}; seed < ${FIRST:-1} + rounds; seed++)); do
    for base in base.h5 base-new.h5 base.idx base.csv base.csv.gz base.yaml; do
        "$python" mutate.py "$base" "m${base#base}" "$seed"
    done
    survive m.h5 "$NNMPI" data info m.h5
    survive m-new.h5 "$NNMPI" data info m-new.h5
    survive m.h5 "$NNMPI" data split m.h5 --test 0.3 -O split.h5
    survive m.idx "$NNMPI" data import idx --train-images m.idx --train-labels labels -O i.h5
    survive m.csv "$NNMPI" data import csv m.csv --label species -O c.h5
    survive m.csv.gz "$NNMPI" data import csv m.csv.gz --label species -O c.h5
    survive m.yaml "$NNMPI" check m.yaml
done
