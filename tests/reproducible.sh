# shellcheck shell=bash
# For the tests of reproducible runs; after tests/lib.sh.

# make_images: images.h5 with 103 small images to train, so that the last minibatch is uneven.
make_images() {
    /usr/bin/python3 -c 'import h5py' 2>/dev/null || skip "no h5py to make images with"
    /usr/bin/python3 - <<'PYTHON'
import h5py, numpy
random = numpy.random.default_rng(1)
with h5py.File("images.h5", "w") as file:
    for split, count in (("train", 103), ("test", 37)):
        y = random.integers(0, 4, count)
        x = random.integers(0, 80, (count, 12, 12)) + 40 * y[:, None, None]
        file[split + "/x"] = x.astype(numpy.uint8)
        file[split + "/y"] = y.astype(numpy.uint8)
    file.attrs["scale"] = 1 / 255
PYTHON
}

# net DATA OPTIMIZER <LAYERS: a configuration
net() {
    cat <<YAML
data: {path: $1.h5, augment: [{shift: {pixels: 1}}]}
model:
$(cat)
loss: cross_entropy
train: {epochs: 2, batch_size: 24, reproducible: true, optimizer: $2, clip_norm: 1, ema: {decay: 0.9}}
validate: {split: test, every_epochs: 2}
YAML
}

# digest RANKS CONFIG [OPTION...]: trains and prints the line with the digest
digest() {
    rm -rf run
    run_ranks "$1" "$NNMPI" train "$2" --run run -q "${@:3}" >out 2>err || fail "training failed: $*"
    grep '^digest' out
}
