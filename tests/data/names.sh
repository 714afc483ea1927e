#!/usr/bin/env bash
# timeout: 120
# Classes and columns are matched by their names, not by the order in which a file has them: in
# evaluation, prediction and after --resume. Numbers are the names of classes that have none.
. "$SOURCE_DIR/tests/lib.sh"

# a table, the same backwards, with other columns first, and with classes that are numbers
python3 - <<'PY'
import random
random.seed(4)
rows = []
for i in range(90):
    k = i % 3
    rows.append(([round(random.gauss(4 * (k == j), 1), 3) for j in range(3)], k))
rows.sort(key=lambda r: r[1] != 1)  # class 1 comes first
def put(name, rows, columns="abc", kinds=("red", "green", "blue"), header=True, label="kind", extra=None):
    with open(name, "w") as f:
        if header:
            f.write(",".join(list(columns) + ([extra] if extra else []) + [label]) + "\n")
        for x, k in rows:
            x = [x["abc".index(c)] for c in columns.lower()] + ([7] if extra else [])
            f.write(",".join(map(str, x)) + f",{kinds[k]}\n")
put("train.csv", rows)
put("back.csv", rows[::-1])
put("moved.csv", rows[::-1], "cab")
put("other.csv", rows, "abC")
put("more.csv", rows, extra="id")
put("some.csv", [r for r in rows if r[1] != 1])
put("new.csv", rows, kinds=("red", "green", "violet"))
put("numbers.csv", rows, kinds=(1, 2, 3))
put("high.csv", [r for r in rows if r[1] > 0], kinds=(1, 2, 3))
put("nought.csv", rows, kinds=(0, 1, 2))
put("ones.csv", [r for r in rows if r[1] > 0], kinds=(0, 1, 2))
put("four.csv", rows, kinds=(1, 2, 4))
PY
cat > net.yaml <<'YAML'
data: {path: train.csv, label: kind, normalize: true}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 20, batch_size: 10, lr: 0.3}
validate: {metrics: [accuracy, confusion]}
YAML
"$NNMPI" train net.yaml --run run -q > out
"$NNMPI" eval run/last.h5 --split train | head -n 1 > good
expect_line 'accuracy (0\.9|1\.0).*90 samples' good
# The tables have the names of the classes: printed, as JSON, in the lines of the run, and so in its page.
"$NNMPI" eval run/last.h5 --split train > out
expect_line '^ +green +red +blue$' out
expect_line '^ +blue +[0-9]+ +[0-9]+ +[0-9]+$' out
"$NNMPI" eval run/last.h5 --split train --json > out
expect_line '"classes":\["green","red","blue"\]' out
"$NNMPI" train net.yaml --run divided -q -o 'data.split={test: 0.3}' > out
"$NNMPI" plot divided --csv --samples 0 -q
expect_line '^,green,red,blue$' plot-confusion.csv
for name in back moved; do
    "$NNMPI" eval run/last.h5 --data $name.csv --split train | head -n 1 > out
    expect_same good out
done
"$NNMPI" eval run/last.h5 --data some.csv --split train > out
expect_line 'accuracy (0\.9|1\.0).*60 samples' out
expect_code 3 "$NNMPI" eval run/last.h5 --data new.csv --split train 2> err
expect_line "new\.csv: /train/y row [0-9]+ is of class 'violet', which the model was not trained on: it knows 'green', 'red', 'blue'" err

# columns
cut -d, -f1-3 train.csv > features.csv
"$NNMPI" predict run/last.h5 --data features.csv -O good.csv -q
cut -d, -f2,3 train.csv | paste -d, - <(cut -d, -f1 train.csv) > swapped.csv
"$NNMPI" predict run/last.h5 --data swapped.csv -O p.csv -q
expect_same good.csv p.csv
tail -n +2 features.csv > bare.csv
"$NNMPI" predict run/last.h5 --data bare.csv -O p.csv -q
expect_same good.csv p.csv
expect_code 3 "$NNMPI" predict run/last.h5 --data other.csv -O p.csv 2> err
expect_line "other\.csv: .*no column 'c'.*: the header names a, b, C" err
expect_code 3 "$NNMPI" eval run/last.h5 --data other.csv --split train 2> err
expect_line "other\.csv: .*no column 'c'" err
"$NNMPI" predict run/last.h5 --data more.csv -O p.csv 2> err
expect_line "more\.csv: columns that the model was not trained on are left out: 'id'" err
expect_same good.csv p.csv

# numbers are the names of classes
"$NNMPI" train net.yaml -o data.path=numbers.csv --run numbers -q > out
"$NNMPI" eval numbers/last.h5 --data high.csv --split train > out
expect_line 'accuracy (0\.9|1\.0).*60 samples' out
expect_code 3 "$NNMPI" eval numbers/last.h5 --data nought.csv --split train 2> err
expect_line "is of class '0', which the model was not trained on: it knows '1', '2', '3'" err
"$NNMPI" train net.yaml -o data.path=nought.csv --run nought -q > out
"$NNMPI" eval nought/last.h5 --data ones.csv > out # of which the only split has the name train
expect_line '^ones\.csv accuracy (0\.9|1\.0).*60 samples' out
expect_code 3 "$NNMPI" eval nought/last.h5 --data four.csv --split train 2> err
expect_line "is of class '4', which the model was not trained on: it knows '0' to '2'" err

# a run goes on with the same columns and classes, on any number of ranks
"$NNMPI" digest run/last.h5 | cut -c 1-64 > same
for ranks in 1 2; do
    cp -r run again$ranks
    run_ranks $ranks "$NNMPI" train net.yaml -o data.path=moved.csv -o data.when_changed=accept -o train.epochs=21 --run again$ranks --resume -q > out
    "$NNMPI" eval again$ranks/last.h5 --data train.csv --split train | head -n 1 > out
    expect_line 'accuracy (0\.9|1\.0).*90 samples' out
    "$NNMPI" eval again$ranks/last.h5 --data numbers.csv --split train > out 2> err && fail "classes of other names"
    cp -r run bad$ranks
    expect_code 3 run_ranks $ranks "$NNMPI" train net.yaml -o data.path=new.csv -o train.epochs=21 --run bad$ranks --resume -q > out 2> err
    expect_line "is of class 'violet'" err
    "$NNMPI" digest bad$ranks/last.h5 | cut -c 1-64 > out
    expect_same same out
done

# several targets come in the order in which the configuration names them, wherever they stand
printf 'x,p,q\n1,10,20\n2,20,40\n' > targets.csv
printf 'q,x,p\n20,1,10\n40,2,20\n' > turned.csv
cat > two.yaml <<'YAML'
data: {path: targets.csv, target: "p,q"}
model: [dense: {units: 2}]
loss: squared
train: {epochs: 3, batch_size: all, lr: 0.001}
YAML
"$NNMPI" train two.yaml --run two -q > out
"$NNMPI" eval two/last.h5 --split train > good
"$NNMPI" eval two/last.h5 --data turned.csv --split train > out
expect_same good out

/usr/bin/python3 -c 'import h5py' 2> /dev/null || exit 0
/usr/bin/python3 - <<'PY'
import csv, h5py, numpy as np
rows = list(csv.DictReader(open("train.csv")))
kinds = ["blue", "red", "green"]
x = np.array([[float(r[c]) for c in "cba"] for r in rows], "f4")
y = np.array([kinds.index(r["kind"]) for r in rows])
# columns called by name and stored as other numbers; what scales them stands beside them
with h5py.File("named.h5", "w") as f:
    f["test/x"], f["test/y"] = x / [1, 2, 4], y.astype("u1")
    f["test/x"].attrs["scale"] = [1., 2., 4.]
    f.attrs["feature_names"], f.attrs["classes"] = list("cba"), kinds
# 300 classes, of which the file to evaluate has two, so that their labels are bytes
n = 600
y = np.arange(n) % 300
with h5py.File("many.h5", "w") as f:
    f["train/x"], f["train/y"] = np.eye(300, dtype="f4")[y], y
    f.attrs["classes"] = [f"c{i}" for i in range(300)]
with h5py.File("few.h5", "w") as f:
    f["test/x"], f["test/y"] = np.eye(300, dtype="f4")[[299, 17]], np.array([0, 1], "u1")
    f.attrs["classes"] = ["c299", "c17"]
with h5py.File("short.h5", "w") as f:
    f["train/x"], f["train/y"], f.attrs["feature_names"] = x, np.zeros(len(x), "u1"), ["a", "b"]
with h5py.File("run/last.h5") as f:
    assert list(f["data"].attrs["class_names"]) == ["green", "red", "blue"], list(f["data"].attrs["class_names"])
    assert list(f["data"].attrs["feature_names"]) == list("abc")
PY
"$NNMPI" eval run/last.h5 --data named.h5 --split test > out
"$NNMPI" eval run/last.h5 --data train.csv --split train > good
sed 's/^test/train/' out > out2
expect_same good out2
cat > many.yaml <<'YAML'
data: {path: many.h5}
model: [dense: {units: 300}]
loss: cross_entropy
train: {epochs: 30, batch_size: 20, lr: 1}
YAML
"$NNMPI" train many.yaml --run many -q > out
"$NNMPI" eval many/last.h5 --data few.h5 > out
expect_line 'accuracy 1\.0000.*2 samples' out
expect_code 3 "$NNMPI" check many.yaml -o data.path=short.h5 2> err
expect_line 'short\.h5: .*feature_names has 2 names.*\[3\]' err

# predictions are the user's own numbers where classes count from 1
/usr/bin/python3 - <<'PY'
import h5py, numpy as np
rng = np.random.default_rng(1)
y = np.arange(90) % 3
x = rng.normal(size=(90, 3)) + 5 * np.eye(3)[y]
with h5py.File("from1.h5", "w") as f:
    f["train/x"], f["train/y"] = x.astype("f4"), y + 1
np.savetxt("from1.csv", np.c_[x, y + 1], "%.5f,%.5f,%.5f,%d")
PY
cat > from1.yaml <<'YAML'
data: {path: from1.h5, first_label: 1}
model: [dense: {units: 3}]
loss: cross_entropy
train: {epochs: 20, batch_size: 10, lr: 0.3}
YAML
"$NNMPI" train from1.yaml --run from1 -q > out
"$NNMPI" predict from1/last.h5 --data from1.h5 -O p.csv -q
"$NNMPI" predict from1/last.h5 --data from1.h5 -O p.h5 -q
/usr/bin/python3 - <<'PY'
import csv, h5py, numpy as np
rows = list(csv.DictReader(open("p.csv")))
y = h5py.File("from1.h5")["train/y"][:]
label = np.array([int(r["label"]) for r in rows])
assert (label == y).mean() > 0.9 and set(label) == {1, 2, 3}, label
assert list(rows[0]) == ["sample", "label", "y1", "y2", "y3"], list(rows[0])
assert (h5py.File("p.h5")["label"][:] == label).all()
PY
# and a table whose classes are those numbers means the same
cp from1.csv numbered.csv
"$NNMPI" train from1.yaml -o 'data={path: numbered.csv, label: "-1", first_label: 1}' --run table -q > out
"$NNMPI" eval table/last.h5 --data numbered.csv --split train > out
expect_line 'accuracy (0\.9|1\.0)' out
"$NNMPI" train from1.yaml -o 'data={path: numbered.csv, label: "-1"}' --run plain -q > out
"$NNMPI" eval plain/last.h5 --data from1.h5 --split train > out
expect_line 'accuracy (0\.9|1\.0)' out
