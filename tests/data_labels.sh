#!/usr/bin/env bash
# Labels that count from 1 are not trained on with a class that nothing belongs to; those that are
# ignored are counted.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

"$python" - <<'PYTHON'
import h5py, numpy as np
x = np.random.default_rng(1).normal(size=(60, 4)).astype("f4")
y = x[:, :3].argmax(1)
for name, labels in ("zero", y), ("one", y + 1), ("bytes", (y + 1).astype("u1")), ("some", np.where(x[:, 3] > 1, -1, y)):
    with h5py.File(f"{name}.h5", "w") as f:
        f["train/x"], f["train/y"], f["test/x"], f["test/y"] = x[:40], labels[:40], x[40:], labels[40:]
with h5py.File("named.h5", "w") as f:
    f["train/x"], f["train/y"] = x, y + 1
    f.attrs["classes"] = ["background", "a", "b", "c"]
with h5py.File("below.h5", "w") as f:
    f["train/x"], f["train/y"] = x, y.astype("u1")
PYTHON
cat >net.yaml <<'YAML'
data: {path: zero.h5}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 3, batch_size: 8, lr: 0.1}
YAML
"$NNMPI" train net.yaml --run zero -q | tail -n 2 >zero.out
for name in one bytes; do
    for verb in check train; do
        expect_code 3 "$NNMPI" "$verb" net.yaml -o data.path=$name.h5 -o 'model=[dense: {units: 4}]' 2>err
        expect_line "$name\.h5: the labels of /train are 1 to 3, but 0 is the first class.*first_label: 1" err
    done
    "$NNMPI" train net.yaml --run $name -o data.path=$name.h5 -o data.first_label=1 -q | tail -n 2 >$name.out
    expect_same zero.out $name.out
    "$NNMPI" eval $name/last.h5 --data $name.h5 >eval.out
    "$NNMPI" eval zero/last.h5 >eval.zero
    expect_same eval.out eval.zero
    "$NNMPI" data info $name.h5 >out
    expect_line 'first_label: 1' out
done
"$NNMPI" check net.yaml -o data.path=named.h5 -o 'model=[dense: {units: 4}]' >out
expect_code 3 "$NNMPI" check net.yaml -o data.path=below.h5 -o data.first_label=1 2>err
expect_line '/train/y row [0-9]+ holds 0, but the first label is 1' err

"$NNMPI" train net.yaml --run some -o data.path=some.h5 >out 2>err
expect_line 'some\.h5: [0-9]+ of 60 labels are -1: these samples are ignored' err
