#!/usr/bin/env bash
# Folders of PNG and JPEG files: classes, splits, every kind of PNG, sizes, what is damaged.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

cat >write.py <<'PYTHON'
import base64, struct, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def png(path, width, height, kind, depth, rows, extra=b"", end=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    open(path, "wb").write(file[:end or len(file)])

# 16 by 8, red beside blue; with Exif, the camera was turned to the right
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    "FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
    "FBQUFBQUFBT/wAARCAAIABADAREAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAW"
    "AQEBAQAAAAAAAAAAAAAAAAAIBwn/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwAUTc1Re0dAd//Z")

def jpeg(path, orientation=0, end=None):
    exif = b""
    if orientation:
        exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
        exif = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    open(path, "wb").write((JPEG[:2] + exif + JPEG[2:])[:end])
PYTHON

mkdir -p kinds/b kinds/a
"$python" - <<'PYTHON'
from write import chunk, png
png("kinds/a/2.png", 2, 1, 0, 16, [[1, 200, 255, 255]])             # 16 bits
png("kinds/a/10.PNG", 2, 1, 3, 1, [[0b01000000]], chunk(b"PLTE", bytes([9, 9, 9, 50, 60, 70])))
png("kinds/b/x.png", 2, 1, 6, 8, [[10, 20, 30, 255, 0, 0, 0, 51]])  # transparent: white
png("kinds/b/y.png", 2, 1, 0, 2, [[0b01110000]])                    # 2 bits
PYTHON
"$NNMPI" data import images kinds -O kinds.h5 -q || skip "built without libpng"
"$python" - <<'PYTHON'
import h5py, numpy as np
f = h5py.File("kinds.h5")
assert list(f.attrs["classes"]) in (["a", "b"], [b"a", b"b"])
assert f["train/y"][:].tolist() == [0, 0, 1, 1]
assert list(f["train/file"].asstr()) == ["a/10.PNG", "a/2.png", "b/x.png", "b/y.png"], f["train/file"][:]
want = [[[9] * 3, [50, 60, 70]], [[2] * 3, [255] * 3], [[10, 20, 30], [204] * 3], [[85] * 3, [255] * 3]]
assert f["train/x"][:, 0].tolist() == want, f["train/x"][:].tolist()
PYTHON
"$NNMPI" data import images kinds -O grey.h5 --color grey -q
"$python" -c "import h5py; x = h5py.File('grey.h5')['train/x'][:]; assert x[:, 0].tolist() == [[9, 58], [2, 255], [18, 204], [85, 255]], x"

# splits, sizes, and a model that is shown new files of other sizes
mkdir -p set/train/cold set/train/warm set/val/warm new
"$python" - <<'PYTHON'
from write import png
import random
random.seed(1)
def picture(path, warm, width, height):
    rows = [[c for x in range(width) for c in ((210 if warm else 30) + random.randrange(40), 90, 40 if warm else 220)]
            for y in range(height)]
    png(path, width, height, 2, 8, rows)
for i in range(12):
    picture(f"set/train/cold/{i}.png", False, 8 + i, 10)
    picture(f"set/train/warm/{i}.png", True, 10, 8 + i)
    picture(f"set/val/warm/{i}.png", True, 20, 20)
picture("new/1.png", True, 40, 30)
picture("new/2.png", False, 5, 7)
# an edge in the middle stays there, whatever is cut off; the mean stays when an image becomes smaller
png("edge.png", 12, 4, 0, 8, [[0] * 6 + [200] * 6] * 4)
PYTHON
expect_code 2 "$NNMPI" data import images set -O set.h5 2>err
expect_line 'set/train/cold/1.png is 10 by 9 pixels, and others 10 by 8 .*--height' err
"$NNMPI" data import images set -O set.h5 --height 6 -q
cat >set.yaml <<'YAML'
data: {path: set.h5}
model: [flatten, dense: {units: 2}]
loss: cross_entropy
train: {epochs: 10, batch_size: 8, optimizer: {sgd: {lr: 0.1}}}
YAML
"$NNMPI" train set.yaml --run run -q >out
"$NNMPI" predict run --data new -O new.csv -q
expect_same <(cut -d, -f1-3 new.csv) <(printf 'sample,file,label\n0,1.png,warm\n1,2.png,cold\n')
"$NNMPI" predict run --data new -O new.h5 -q
"$python" -c "import h5py; assert list(h5py.File('new.h5')['file'].asstr()) == ['1.png', '2.png']"

# The names are those of the rows also after an import and a split, and in splits of the folder itself.
"$NNMPI" predict run --data set/ --split valid -O valid.csv -q
expect_line '^0,val/warm/0.png,warm,' valid.csv
"$NNMPI" data split set.h5 --test 0.5 --seed 2 -O parts.h5 -q
"$NNMPI" data info parts.h5 >out 2>err
expect_line '^file +names of files$' out
[ ! -s err ] || fail "data info says: $(cat err)"
"$NNMPI" data info parts.h5 --json >out
expect_line '"files": ?true' out
for part in train test; do "$NNMPI" predict run --data parts.h5 --split $part -O $part.csv -q; done
"$NNMPI" predict run --data set.h5 --split train -O all.csv -q
expect_same <(sort <(tail -n +2 train.csv | cut -d, -f2-) <(tail -n +2 test.csv | cut -d, -f2-)) \
    <(tail -n +2 all.csv | cut -d, -f2- | sort)

# Names of whatever bytes are one field of valid CSV; what is called `file` and is none is not used.
mkdir odd && cp new/1.png 'odd/a "b",
c.png' && cp new/1.png odd/$'\xe9.png'
"$NNMPI" predict run --data odd -O odd.csv -q
"$python" - <<'PYTHON'
import csv, h5py, numpy as np
rows = list(csv.DictReader(open("odd.csv", encoding="utf-8", newline="")))
assert [r["file"] for r in rows] == ['a "b",\nc.png', "\ufffd.png"], rows
x = h5py.File("set.h5")["train/x"][:3]
names = {"varying": ["x", "", "\u00e9" * 2000], "fixed": np.array([b"x", b"yy", b""]), "numbers": [1, 2, 3],
         "two": ["a", "b"], "one": "a", "long": ["a", "b" * 5000, "c"], "wide": np.array([b"x", b"y", b"z"], "S5000"),
         "square": [["a"], ["b"], ["c"]]}
for name, file in names.items():
    with h5py.File(name + ".h5", "w") as f:
        f["train/x"] = x
        f.attrs["layout"], f.attrs["scale"] = "channels_last", 1 / 255
        f["train/file"] = file
with h5py.File("link.h5", "w") as f:
    f["train/x"] = x
    f.attrs["layout"], f.attrs["scale"] = "channels_last", 1 / 255
    f["train/file"] = h5py.ExternalLink("varying.h5", "/train/file")
PYTHON
for name in varying fixed numbers two one square link; do
    for end in csv h5; do "$NNMPI" predict run --data $name.h5 -O $name.out.$end 2>$name.err; done
done
for name in numbers two one square link; do
    expect_line "^sample,label," $name.out.csv
    expect_line "$name.h5: only x, y, w and len of a split are read; file stay in the file, unused" $name.err
done
"$python" - <<'PYTHON'
import csv, h5py
for name, want in ("varying", ["x", "", "\u00e9" * 2000]), ("fixed", ["x", "yy", ""]):
    assert [r["file"] for r in csv.DictReader(open(name + ".out.csv", encoding="utf-8"))] == want, name
    assert list(h5py.File(name + ".out.h5")["file"].asstr()) == want, name
    assert "unused" not in open(name + ".err").read()
PYTHON
for name in long wide; do
    expect_code 3 "$NNMPI" predict run --data $name.h5 -O $name.csv 2>err
    expect_line "data set '/train/file' of '$name.h5' has strings of 5000 bytes, at most 4096 are read" err
    [ ! -e $name.csv ] || fail "predictions with names that cannot be read"
done
"$NNMPI" train set.yaml --run direct -q -o data='{path: set/train, height: 6}' >out

# a class that is called train, folders in those of classes, and what is no split
mkdir -p traffic/train traffic/bus/old
cp kinds/a/* traffic/train && cp kinds/b/* traffic/bus && cp kinds/b/* traffic/bus/old
"$NNMPI" data import images traffic -O traffic.h5 2>err
expect_line 'folders left out: 1 \(traffic/bus/old, ' err
"$python" -c "import h5py; assert h5py.File('traffic.h5')['train/y'][:].tolist() == [0, 0, 1, 1]"
mkdir set/validation set/valid
expect_code 3 "$NNMPI" data import images set -O x.h5 --height 6 2>err
expect_line 'set/validation: beside train ' err
rmdir set/validation && cp -r set/val/warm set/valid/
expect_code 3 "$NNMPI" data import images set -O x.h5 --height 6 2>err
expect_line 'set/val: there is valid, too' err
rm -r set/valid

mkdir -p edge/one && mv edge.png edge/one/
for fit in crop stretch; do "$NNMPI" data import images edge -O "$fit.h5" --height 4 --width 2 --fit $fit -q; done
"$python" -c "import h5py; x = h5py.File('crop.h5')['train/x'][0]; assert (x == [0, 200]).all(), x"
"$python" -c "import h5py; x = h5py.File('stretch.h5')['train/x'][0]; assert x[0].sum() == 200 and x[0, 0] < 40, x"

# what is damaged is named, all of it, and what stood there stays
"$python" - <<'PYTHON'
from write import png
png("set/train/warm/0.png", 300, 300, 2, 8, [[7] * 900] * 300, end=120)
png("set/train/warm/5.png", 100000, 100000, 0, 8, [[1]])
PYTHON
touch set/train/cold/notes.txt
expect_code 3 "$NNMPI" data import images set -O set.h5 --height 6 2>err
expect_line 'set/train/warm/0.png: it is damaged' err
expect_line 'set/train/warm/5.png: .* by .* pixels' err
expect_line '2 of 36 images cannot be read' err
expect_line 'left out: 1 \(set/train/cold/notes.txt' err
"$NNMPI" data info set.h5 >out
mkdir -p set/val/hot && cp new/1.png set/val/hot/
expect_code 3 "$NNMPI" data import images set -O set.h5 --height 6 2>err
expect_line 'set/val/hot: a class that train does not have' err

# JPEG, upright and as a camera that was turned wrote it
mkdir -p photos/all
"$python" -c 'from write import jpeg; jpeg("photos/all/1.jpg"); jpeg("photos/all/2.jpeg", 6)'
expect_code 2 "$NNMPI" data import images photos -O photos.h5 2>err
expect_no_line 'without libjpeg' err || skip "built without libjpeg"
"$NNMPI" data import images photos -O photos.h5 --height 16 --fit stretch -q
"$python" - <<'PYTHON'
import h5py, numpy as np
x = h5py.File("photos.h5")["train/x"][:].astype(int)
red, blue = np.array([200, 40, 40]), np.array([40, 40, 200])
assert abs(x[0, :, :6] - red).max() < 12 and abs(x[0, :, 10:] - blue).max() < 12, x[0, 0]
assert abs(x[1, :6] - red).max() < 12 and abs(x[1, 10:] - blue).max() < 12, x[1, :, 0]
PYTHON
"$python" -c 'from write import jpeg; jpeg("photos/all/3.jpg", 0, 270)'
expect_code 3 "$NNMPI" data import images photos -O photos.h5 --height 16 2>err
expect_line 'photos/all/3.jpg: it is damaged: .*[Pp]remature' err
