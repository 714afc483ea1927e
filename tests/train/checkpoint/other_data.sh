#!/usr/bin/env bash
# A run does not go on with other data than it was trained on, unless it is told to; a file that was moved,
# or is chunked and compressed otherwise, holds the same data.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

# large: of more rows than are hashed; named: columns and classes in another order
"$python" - <<'PYTHON'
import h5py, numpy as np
rng = np.random.default_rng(3)
x, y = rng.standard_normal((70000, 4)).astype(np.float32), rng.integers(0, 3, 70000).astype(np.uint8)
def write(name, x, y, valid=30, names="abc", columns="wxyz", **how):
    with h5py.File(name, "w") as f:
        f.create_dataset("train/x", data=x, **how)
        f.create_dataset("train/y", data=y, **how)
        f["valid/x"], f["valid/y"] = x[:valid], y[:valid]
        f["test/x"], f["test/y"] = x[-20:] + len(name), y[-20:]
        f.attrs["classes"], f.attrs["feature_names"] = list(names), list(columns)
write("as_it_was.h5", x, y)
write("stored_otherwise.h5", x, y.astype(np.int64), chunks=True, compression="gzip", shuffle=True)
write("other_order.h5", x[:, ::-1], 2 - y, names="cba", columns="zyxw")
write("values.h5", x + 1, y)
write("labels.h5", x, np.roll(y, 1))
write("fewer.h5", x[:69000], y[:69000])
write("type.h5", x.astype(np.float64), y)
write("valid.h5", x, y, valid=29)
with h5py.File("weights.h5", "w") as f:
    f.attrs["classes"], f.attrs["feature_names"] = list("abc"), list("wxyz")
    f["train/x"], f["train/y"], f["train/w"] = x, y, np.ones(len(x))
PYTHON
cat > net.yaml <<'YAML'
data: {path: data.h5}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 1, batch_size: 1000, max_steps: 2}
YAML
cp as_it_was.h5 data.h5
"$NNMPI" train net.yaml --run run -q > out 2> err
cp -r run before

# go_on FILE ...: with this data set in the place of the other one
go_on() {
    cp "$1" data.h5
    rm -rf run && cp -r before run
    "$NNMPI" train net.yaml --run run --resume -o train.max_steps=3 "${@:2}" > out 2> err
}
for file in as_it_was stored_otherwise other_order; do
    go_on $file.h5 || fail "$file: $(cat err)"
    expect_line '^trained 1 steps ' out
done
go_on as_it_was.h5 -o data.path=stored_otherwise.h5
expect_line '^trained 1 steps ' out

# differs FILE WORDS: refused, and the folder stays as it was
differs() {
    echo x > before/checkpoint-9.h5.abcdefgh.tmp
    rm -f before/best.h5 && ln -s elsewhere before/best.h5
    expect_code 2 go_on "$1"
    expect_line "^nnmpi: data.h5: the data are not those that run/last.h5 was trained on: $2; go on with the data as they were, or set data.when_changed to accept" err
    diff -r --no-dereference --exclude=lock before run > differences || fail "the folder has changed: $(cat differences)"
}
differs values.h5 '/train/x holds other values, /valid/x holds other values'
differs labels.h5 '/train/y holds other values, /valid/y holds other values'
differs fewer.h5 '/train/x is float32 .69000. of .4. now and was float32 .70000. of .4., /train/y is labels .*'
differs type.h5 '/train/x is float64 .70000. of .4. now and was float32 .70000. of .4., .*'
differs valid.h5 '/valid/x is float32 .29. of .4. now and was float32 .30. of .4., .*'
differs weights.h5 '/valid/x is not there any more, /valid/y is not there any more, /train/w is new'

# on purpose, which is said; from then on these are the run's data
go_on labels.h5 -o data.when_changed=accept
expect_line '^nnmpi: warning: data.h5: the data are not those that run/last.h5 was trained on: /train/y holds other .*; the run goes on with these' err
expect_no_line 'when_changed is' err
"$NNMPI" train net.yaml --run run --resume -o train.max_steps=4 > out 2> err
expect_no_line 'the data are not' err
expect_line '^trained 1 steps ' out
