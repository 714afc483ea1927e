#!/usr/bin/env bash
# timeout: 120
# What `nnmpi init` writes passes `check` and trains, without a touch, to what scikit-learn reaches: tables of
# classes and of numbers, with texts and gaps, images as IDX and as PNG, an HDF5 file.
. "$SOURCE_DIR/tests/lib.sh"

# begin DATA [OPTIONS]: the configuration c.yaml, which `check` takes.
begin() {
    "$NNMPI" init "$@" -O c.yaml --force >out 2>err &&
        "$NNMPI" check c.yaml --quick >>out 2>>err
}

# reaches METRIC LEAST: it trains to a value of the test split.
reaches() {
    rm -rf run
    "$NNMPI" train c.yaml --run run --json -q >result 2>err
    "$PYTHON3" -c '
import json, sys
value = json.load(open("result"))["test"][sys.argv[1]]
print(sys.argv[1], value, "of at least", sys.argv[2])
sys.exit(value < float(sys.argv[2]))' "$@" >out || fail "$(cat out)"
}

cp "$SOURCE_DIR/datasets/iris/iris.csv" .

# One missing answer costs one row, however much else is missing.
{
    echo a,b,kind
    for i in {1..100}; do echo "$((i % 7)),$([ $((i % 10)) -gt 0 ] || echo "$i"),$([ "$i" = 5 ] || echo "k$((i % 2))")"; done
} >gaps.csv
begin gaps.csv
expect_line 'missing: mean' c.yaml
expect_line 'Rows without an answer are left out: 1 of 100' c.yaml
expect_line 'gaps.csv: 1 rows without an answer are left out, 99 stay' err

# What it writes for few rows trains, too.
for rows in 4 10 11; do
    head -n $((rows + 1)) gaps.csv | cut -d, -f1,3 | sed 's/,$/,k1/' >few.csv
    begin few.csv
    rm -rf run
    "$NNMPI" train c.yaml --run run -q -o train.epochs=1 >out 2>err
done

# Texts of which each row has its own are no classes, unless they are said to be.
{ echo a,price && for i in {1..60}; do echo "$((i % 7)),\$$i.50"; done; } >price.csv
expect_code 2 "$NNMPI" init price.csv -O c.yaml --force 2>err
expect_line "column 'price' holds texts, and nearly each row its own: .*--target COLUMN" err
"$NNMPI" init price.csv --task classes -O c.yaml --force >out
for name in '' /; do
    "$NNMPI" init "$name" >out 2>err && fail "init of '$name'"
    expect_line '^nnmpi: ' err
done
cp iris.csv mine.csv
expect_code 2 "$NNMPI" init mine.csv -O mine.csv --force 2>err
expect_line "'mine.csv' is what is read" err
expect_same mine.csv iris.csv

"$PYTHON3" - <<'PY'
import math, random
random.seed(1)
with open("houses.csv", "w") as f:
    f.write("id,rooms,area,heating,city,remark,price\n")
    for i in range(400):
        rooms, heating = random.randint(1, 7), random.choice(["gas", "wood", "heat pump"])
        area, city = 25 * rooms + random.gauss(0, 10), i % 40
        price = 3000 * area + {"gas": 0, "wood": -20000, "heat pump": 30000}[heating] + 500 * city + random.gauss(0, 5000)
        gap = lambda value: "NA" if random.random() < 0.03 else value
        f.write(f"{i + 1},{gap(rooms)},{area:.1f},{gap(heating)},city {city},remark {i},{price:.0f}\n")
PY

# Beside scikit-learn: what is not much worse is sensible.
cat >score.py <<'PY'
import csv
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
rows = list(csv.reader(open("iris.csv")))[1:]
x, y = [[float(v) for v in row[:4]] for row in rows], [row[4] for row in rows]
print(cross_val_score(LogisticRegression(max_iter=500), x, y, cv=5).mean() - 0.05)
PY
least=$("$PYTHON3" score.py 2>err || echo 0.9) # python3-sklearn is not everywhere

begin iris.csv
expect_line 'label: "species"' c.yaml
reaches accuracy "$least"
expect_code 2 "$NNMPI" init iris.csv -O c.yaml 2>err # never overwritten without a word
expect_line "'c.yaml' is there already" err
"$NNMPI" init iris.csv >out # the name of the data
expect_line 'wrote iris.yaml' out

begin houses.csv
expect_line 'target: "price"' c.yaml
expect_line 'drop: "id,remark"' c.yaml
expect_line 'missing: mean' c.yaml
expect_line 'slice: \{name: categories2, inputs: input, begin: 6, end: 46\}' c.yaml # of 40 cities
expect_line 'dense: \{name: part2, units: 7, bias: false\}' c.yaml
expect_line 'concat: \{inputs: \[part1, part2\]\}' c.yaml
reaches r2 0.9
"$NNMPI" predict run --data houses.csv -O out.csv -q # raw rows
expect_line '^399,[0-9]+' out.csv
begin houses.csv --target heating
expect_line 'label: "heating"' c.yaml
begin houses.csv --target rooms --task numbers
expect_line 'target: "rooms"' c.yaml
expect_code 2 "$NNMPI" init houses.csv --target prise -O x.yaml 2>err
expect_line "did you mean 'price'" err
expect_code 2 "$NNMPI" init nothing.csv -O x.yaml 2>err
expect_line "no file or folder 'nothing.csv'" err

# Numbers are no categories of one column because their names look so: the file says it, and one that does not has values.
"$PYTHON3" - <<'PY'
import random
random.seed(2)
with open("named.csv", "w") as f:
    f.write(",".join(f"k={i}" for i in range(30)) + ",price\n")
    for r in range(90):
        f.write(",".join(str(int(i == r % 30)) for i in range(30)) + f",{r}.5\n")
PY
"$NNMPI" data import csv named.csv --target price -O named.h5 -q
begin named.h5
expect_no_line 'slice' c.yaml
if "$PYTHON3" -c 'import h5py' 2>err; then
    "$PYTHON3" - <<'PY'
import h5py
with h5py.File("named.h5", "a") as f:
    del f.attrs["one_hot"]
PY
    begin named.h5
    expect_line 'slice: \{name: categories1, inputs: input, begin: 0, end: 30\}' c.yaml
    "$PYTHON3" - <<'PY'
import h5py
with h5py.File("named.h5", "a") as f:
    f["train/x"][7, 3] = 0.5
PY
    begin named.h5
    expect_no_line 'slice' c.yaml
fi

for _ in $(seq 100); do echo 'the cat sat on the mat, and the dog ran after the cat.'; done >tale.txt
begin tale.txt
expect_line 'embedding: \{vocabulary: 18, units' c.yaml # 17 characters, and what is unknown
expect_line 'return: all' c.yaml

"$NNMPI" data make digits -O digits.h5 --samples 500 --size 12 -q
begin digits.h5 # has no split to validate on, and is told what makes one
expect_line 'nnmpi data split' c.yaml
if "$PYTHON3" -c 'import h5py' 2>err; then
    "$PYTHON3" - <<'PY'
import h5py, os, struct, zlib
def png(path, a):
    part = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in a)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", a.shape[1], a.shape[0], 8, 0, 0, 0, 0)) +
                part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))
with h5py.File("digits.h5") as f:
    x, y = f["train/x"][:], f["train/y"][:].astype("u1")
os.mkdir("idx")
for part, (a, b) in {"train": (x[:400], y[:400]), "t10k": (x[400:], y[400:])}.items():
    for kind, array in ("images", a), ("labels", b):
        with open(f"idx/{part}-{kind}-idx{array.ndim}-ubyte", "wb") as f:
            f.write(struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())
for i in range(60):
    os.makedirs(f"photos/{y[i]}", exist_ok=True)
    png(f"photos/{y[i]}/{i}.png", x[i] if i else x[i][:9]) # one is of another size
PY
    begin idx
    expect_line 'conv2d' c.yaml
    expect_line 'split: \{valid: 0.15, stratify: true\}' c.yaml # there is a test split
    reaches accuracy 0.75
    if begin photos; then
        expect_line 'height: 9' c.yaml
    else
        expect_line 'built without' err
    fi
fi
