#!/usr/bin/env bash
# `nnmpi data split` rewrites a file of the user's: everything in it that is not divided stays as it
# was, and what cannot stay is an error before anything is written.
. "$SOURCE_DIR/tests/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not installed"

cat >make.py <<'PYTHON'
import h5py, numpy as np
n = np.arange(100)
with h5py.File("rich.h5", "w", userblock_size=512, track_order=True) as f:
    f.attrs["classes"], f.attrs["note"], f.attrs["when"] = ["even", "odd"], "mine", np.array([1.5, 2])
    f.attrs["empty"] = h5py.Empty("f4")
    t = f.create_group("train", track_order=True)
    t.attrs["scale"], t.attrs["by"] = 0.5, ["one", "two"]
    x = t.create_dataset("x", data=np.tile(n[:, None], (1, 3)).astype("u1"), chunks=(32, 3),
                         compression="gzip", shuffle=True, fletcher32=True)
    x.attrs["unit"] = "pixels"
    t.create_dataset("y", data=n % 2, maxshape=(None,), chunks=(7,))
    t["id"] = [f"row {i}" for i in n]
    t["fixed"] = np.array([f"row {i}" for i in n], "S8")
    t["pair"] = np.array([(i, i / 2) for i in n], [("a", "i4"), ("b", "f8")])
    t["flag"], t["half"] = n % 3 == 0, (n / 2).astype("f2")
    t["meta/place"] = np.stack([n, -n], 1)
    t["meta"].attrs["source"] = "camera"
    t["meta/names"] = ["a", "b", "c"]
    t["again"] = h5py.SoftLink("/train/x")
    f["other/matrix"] = np.eye(5)
    f["other/matrix"].attrs["k"] = 7
    f["other/same"] = f["other/matrix"]
    f["other/link"], f["other/away"] = h5py.SoftLink("/train/y"), h5py.ExternalLink("b.h5", "/x")
    f["other/type"] = np.dtype("f8")
    f["kept"] = f["train/x"]
with open("rich.h5", "r+b") as f:
    f.write(b"a user block")
PYTHON
"$python" make.py 2>err
cp rich.h5 before.h5
chmod 640 rich.h5
"$NNMPI" data split rich.h5 --test 0.2 --valid 0.1 2>err
[ "$(cat err)" = 'nnmpi: wrote rich.h5' ] || fail "split says: $(cat err)" # it does use id
"$NNMPI" data info rich.h5 >out 2>err
expect_line '^nnmpi: rich.h5: only x, y, w and len of a split are read; .*\bid, .*stay in the file, unused$' err
[ "$(wc -l <err)" -eq 1 ] || fail "said more than once: $(cat err)"
"$NNMPI" data info rich.h5 -q >out 2>err
[ ! -s err ] || fail "-q and yet: $(cat err)"
rm out
"$python" - <<'PYTHON'
import h5py, numpy as np
assert open("rich.h5", "rb").read(12) == b"a user block"
with h5py.File("before.h5") as old, h5py.File("rich.h5") as f:
    assert list(f.attrs["classes"]) == ["even", "odd"] and f.attrs["note"] == "mine", dict(f.attrs)
    assert list(f.attrs["when"]) == [1.5, 2] and isinstance(f.attrs["empty"], h5py.Empty)
    assert f["other/matrix"].attrs["k"] == 7 and f["other/matrix"] == f["other/same"]
    assert (f["other/matrix"][:] == np.eye(5)).all() and f["other/type"].dtype == "f8"
    assert f.get("other/link", getlink=True).path == "/train/y"
    away = f.get("other/away", getlink=True)
    assert (away.filename, away.path) == ("b.h5", "/x")
    assert (f["kept"][:] == old["train/x"][:]).all()
    assert list(f["train/meta/names"].asstr()) == ["a", "b", "c"] and "names" not in f["test/meta"]
    for part, rows in ("train", 70), ("valid", 10), ("test", 20):
        g = f[part]
        n = g["x"][:, 0].astype(int)
        assert len(n) == rows and (np.diff(n) > 0).all(), part
        assert (g["x"][:] == n[:, None]).all() and (g["y"][:] == n % 2).all(), part
        assert list(g["id"].asstr()) == [f"row {i}" for i in n], part
        assert [v.decode() for v in g["fixed"]] == [f"row {i}" for i in n], part
        assert (g["pair"]["a"] == n).all() and (g["pair"]["b"] == n / 2).all(), part
        assert g["flag"].dtype == bool and (g["flag"][:] == (n % 3 == 0)).all(), part
        assert g["half"].dtype == "f2" and (g["half"][:] == n / 2).all(), part
        assert (g["meta/place"][:] == np.stack([n, -n], 1)).all(), part
        assert g["meta"].attrs["source"] == "camera" and g.attrs["scale"] == 0.5, part
        assert list(g.attrs["by"]) == ["one", "two"] and g["x"].attrs["unit"] == "pixels", part
        x, y = g["x"], g["y"]
        assert (x.compression, x.shuffle, x.fletcher32) == ("gzip", True, True), part
        assert x.chunks == (min(32, rows), 3) and y.chunks == (7,) and y.maxshape == (None,), part
PYTHON
[ "$(ls)" = "$(printf '%s\n' before.h5 err make.py rich.h5)" ] || fail "something is left: $(ls)"

# numbers for each element or channel stay attributes, and x the bytes that it was
"$python" - <<'PYTHON'
import h5py, numpy as np
with h5py.File("scaled.h5", "w") as f:
    f["train/x"], f["train/y"] = np.arange(120, dtype="u1").reshape(10, 3, 2, 2), np.arange(10) % 2
    f.attrs["mean"], f.attrs["std"] = [1.0, 2.0, 3.0], [2.0, 4.0, 8.0]
PYTHON
"$NNMPI" data split scaled.h5 --valid 0.3 -O scaled-out.h5
"$python" - <<'PYTHON'
import h5py
with h5py.File("scaled-out.h5") as f:
    assert f["valid/x"].dtype == "u1" and list(f.attrs["std"]) == [2, 4, 8]
PYTHON

# the place of what was replaced is used again
"$NNMPI" data make blobs --samples 20000 --features 20 -O large.h5
before=$(stat -c %s large.h5)
"$NNMPI" data split large.h5 --test 0.3
[ "$(stat -c %s large.h5)" -le $((before * 11 / 10)) ] || fail "from $before to $(stat -c %s large.h5)"
"$NNMPI" data info large.h5 >out
expect_line '^train +14000 ' out

# references cannot be kept: said before anything is written
"$python" - <<'PYTHON'
import h5py, numpy as np
with h5py.File("refers.h5", "w") as f:
    f["train/x"], f["train/y"] = np.zeros((10, 2)), np.arange(10) % 2
    f["train/x"].make_scale()
    f["train/y"].dims[0].attach_scale(f["train/x"])
PYTHON
cp refers.h5 refers-before.h5
expect_code 3 "$NNMPI" data split refers.h5 --test 0.2 2>err
expect_line "attribute 'REFERENCE_LIST' of '/train/x' of 'refers\.h5' refers to other objects" err
expect_same refers.h5 refers-before.h5
expect_code 2 "$NNMPI" data split rich.h5 --test 0.2 2>err
expect_line 'has a /test already' err

# the new file is as private as the old one, and stands where that did
make() { "$NNMPI" data make blobs --samples 50 -q -O "$@"; }
make mine.h5
chmod 600 mine.h5
[ "$(id -u)" -ne 0 ] || chown 1000:1001 mine.h5
before=$(stat -c '%a %u:%g' mine.h5)
"$NNMPI" data split mine.h5 --test 0.2
[ "$(stat -c '%a %u:%g' mine.h5)" = "$before" ] || fail "$before became $(stat -c '%a %u:%g' mine.h5)"
"$NNMPI" data split mine.h5 --valid 0.2 -O other.h5
[ "$(stat -c %a other.h5)" = 600 ] || fail "a private file was copied to one of mode $(stat -c %a other.h5)"
chmod 640 mine.h5
make mine.h5
"$NNMPI" train --run run -o train.max_steps=1 -q >out 2>err
cut -d, -f1-4 "$SOURCE_DIR/datasets/iris/iris.csv" >x.csv
"$NNMPI" predict run --data x.csv -O mine.csv -q
chmod 604 mine.csv
"$NNMPI" predict run --data x.csv -O mine.csv -q
[ "$(stat -c %a mine.h5) $(stat -c %a mine.csv)" = '640 604' ] ||
    fail "640 and 604 became $(stat -c %a mine.h5) and $(stat -c %a mine.csv)"

# room on the disk, in units that fit
inside=(unshare --mount)
[ "$(id -u)" -eq 0 ] || inside=(unshare --user --map-root-user --mount)
mkdir small
if "${inside[@]}" mount -t tmpfs -o size=8k none small 2>/dev/null; then
    expect_code 6 "${inside[@]}" bash -ec 'mount -t tmpfs -o size=8k none small; exec "$@"' -- \
        "$NNMPI" data make blobs --samples 2000 -O small/x.h5 2>err
    expect_line 'small/x\.h5 takes [0-9.]+ kB, but the disk has only 8\.19 kB free' err
    # of a text, also for the numbers of what it is divided into, before it is read
    head -c 3000 "$SOURCE_DIR/docs/data.md" >t.txt
    expect_code 6 "${inside[@]}" bash -ec 'mount -t tmpfs -o size=8k none small; exec "$@"' -- \
        "$NNMPI" data import text t.txt --tokens bytes -O small/x.h5 2>err
    expect_line 'small/x\.h5 takes 12 kB, but the disk has only 8\.19 kB free' err
fi

# a link is followed
mkdir far
make far/data.h5
ln -s far/data.h5 near.h5
"$NNMPI" data split near.h5 --test 0.2
[ -L near.h5 ] || fail "the link was replaced"
"$NNMPI" data info far/data.h5 >out
expect_line '^test +10 ' out
[ "$(ls far)" = data.h5 ] || fail "something is left: $(ls far)"
ln -s nowhere/data.h5 broken.h5
expect_code 6 make broken.h5 2>err
expect_line "cannot write 'broken\.h5'.*a link" err
[ "$(readlink broken.h5)" = nowhere/data.h5 ] || fail "the broken link was replaced"

# a file of two names would be replaced under one of them only
make two.h5
ln two.h5 names.h5
cp two.h5 two-before.h5
expect_code 2 "$NNMPI" data split two.h5 --test 0.2 2>err
expect_line "'two\.h5' has 2 names .hard links.*-O" err
expect_same two.h5 two-before.h5
"$NNMPI" data split two.h5 --test 0.2 -O one.h5
expect_code 6 make /dev/null 2>err
expect_line "'/dev/null' is a device, but a regular file is wanted" err
