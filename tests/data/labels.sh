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

# as many outputs as there are classes: the labels are looked at before the model is blamed
for verb in check train; do
    expect_code 3 "$NNMPI" "$verb" net.yaml -o data.path=one.h5 2>err
    expect_line 'one\.h5: the labels of /train are 1 to 3, but 0 is the first class.*first_label: 1' err
    expect_no_line 'units: 4' err
done
"$python" - <<'PYTHON'
import h5py, numpy as np
x = np.random.default_rng(1).normal(size=(60, 4)).astype("f4")
y = x[:, 0] > 0
for name, labels in ("hole", np.where(y, 100, 1)), ("signs", np.where(y, 1, -1)), ("floats", np.where(y, 1., -1.)):
    with h5py.File(f"{name}.h5", "w") as f:
        f["train/x"], f["train/y"] = x, labels
with h5py.File("text.h5", "w") as f:
    f["train/x"], f["train/y"] = x, np.where(y, "yes", "no").astype("S")
with h5py.File("some_test.h5", "w") as f, h5py.File("some.h5") as g:
    y = g["train/y"][:]
    f["test/x"], f["test/y"] = g["train/x"][:], np.where(np.arange(40) < 10, -1, np.maximum(y, 0))
PYTHON
for classes in 2 50; do
    expect_code 3 "$NNMPI" check net.yaml -o data.path=hole.h5 -o "model=[dense: {units: $classes}]" 2>err
    expect_line 'hole\.h5: the labels are 1 to 100, but only 2 different ones.*0 to 1 without gaps.*units: 101' err
done
expect_code 3 "$NNMPI" check net.yaml -o data.path=hole.h5 -o data.first_label=1 2>err
expect_line 'hole\.h5: the labels are 1 to 100, but only 2 different ones.*units: 100' err

# 1 and -1 are no classes: -1 is ignored
for outputs in 1 2; do
    loss=$([ $outputs = 1 ] && echo hinge || echo cross_entropy)
    for verb in check train; do
        expect_code 3 "$NNMPI" "$verb" net.yaml -o data.path=signs.h5 -o "model=[dense: {units: $outputs}]" -o "loss=$loss" 2>err
        expect_line 'signs\.h5: the labels are 1 and -1, and -1 means.*0 and 1' err
    done
done
"$NNMPI" data info signs.h5 >out 2>err
expect_line 'write the two classes as 0 and 1' out
"$NNMPI" check net.yaml -o data.path=floats.h5 -o 'model=[dense: {units: 1}]' -o loss=hinge >out

expect_code 3 "$NNMPI" check net.yaml -o data.path=text.h5 2>err
expect_line "'/train/y' of 'text\.h5' holds strings.*0, 1, 2.*attribute classes" err

# what counts and what is ignored
"$NNMPI" eval some/last.h5 --data some_test.h5 >out 2>err
expect_line '\(30 samples, 10 ignored\)$' out
"$NNMPI" eval some/last.h5 --data some_test.h5 --json >out 2>err
expect_line '"samples":30,"ignored":10' out
