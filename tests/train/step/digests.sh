#!/usr/bin/env bash
# timeout: 120
# reproducible: true gives the digests that stand here, by the kernels of every instruction set with
# fused multiply-adds, on any number of ranks and threads, whatever compiler, MPI, OpenBLAS and oneDNN
# there are; and a run goes on by other kernels with them. Without them it has other bits, and its checkpoints are evaluated.
. "$SOURCE_DIR/tests/lib.sh"

# Numbers that no library's generator makes.
/usr/bin/python3 -c 'import h5py' 2>/dev/null || skip "no h5py to make images with"
/usr/bin/python3 - <<'PYTHON'
import h5py, numpy
with h5py.File("images.h5", "w") as file:
    for split, count in (("train", 103), ("test", 37)):
        i, row, col = numpy.ogrid[:count, :20, :20]
        file[split + "/x"] = ((i * i * 37 + row * 11 * (i % 5) + col * col * 17 + row * col) % 80 + 40 * (i % 4)).astype("u1")
        file[split + "/y"] = numpy.arange(count).astype("u1") % 4
    file.attrs["scale"] = 1 / 255
PYTHON

# net NAME OPTIMIZER <LAYERS
net() {
    cat >"$1.yaml" <<YAML
data: {path: images.h5, augment: [{shift: {pixels: 1}}]}
model:
$(cat)
loss: cross_entropy
train: {epochs: 2, batch_size: 24, reproducible: true, optimizer: $2, clip_norm: 1}
validate: {split: test, every_epochs: 2}
YAML
}
net dense 'adam' <<'YAML'
  - flatten
  - dense: {units: 530, activation: gelu}
  - dropout: {rate: 0.3}
  - dense: {units: 40, activation: tanh}
  - dense: {units: 4}
YAML
net image '{nesterov: {lr: 0.01}}' <<'YAML'
  - conv2d: {filters: 20, kernel: 5}
  - max_pool: {size: 2}
  - conv2d: {filters: 50, kernel: 3, padding: same, bias: false}
  - batch_norm: {activation: relu}
  - conv2d: {filters: 12, kernel: 3, groups: 2}
  - avg_pool: {size: 2}
  - flatten
  - dense: {units: 4}
YAML
net rows '{rmsprop: {lr: 0.003}}' <<'YAML'
  - lstm: {units: 40, return: all}
  - gru: {units: 17}
  - layer_norm
  - dense: {units: 4}
YAML
net attention 'adam' <<'YAML'
  - attention: {heads: 2, kv_heads: 1, causal: true, dropout: 0.2, rotary_base: 100, name: first}
  - attention: {heads: 2, inputs: [first, input]}
  - flatten
  - dense: {units: 4}
YAML

# trained ISA RANKS CONFIG [OPTION...]: the digest
trained() {
    rm -rf run
    NNMPI_ISA=$1 run_ranks "$2" "$NNMPI" train "$3" --run run -q "${@:4}" >out 2>err </dev/null || fail "training failed: $*"
    sed -n 's/^digest *\([0-9a-f]*\).*/\1/p' out
}

"$BUILD_DIR/tests/math_bits" isas >known || fail "math_bits does not say the instruction sets"
[ -s known ] || fail "math_bits knows no instruction set"
mapfile -t isas < <(grep -vx v2 known)
[ "${#isas[@]}" -gt 0 ] || skip "no fused multiply-adds on this processor"
while read -r net want; do
    for isa in "${isas[@]}"; do
        got=$(trained "$isa" 1 "$net.yaml" -o train.threads=2)
        [ "$got" = "$want" ] || fail "$net.yaml by $isa: $got instead of $want"
    done
    got=$(trained "$isa" 3 "$net.yaml" -o train.threads=1)
    [ "$got" = "$want" ] || fail "$net.yaml by $isa on 3 ranks: $got instead of $want"
    [ "$net" = dense ] || continue
    dense=$want
    trained "${isas[0]}" 2 dense.yaml -o train.max_steps=3 >part
    NNMPI_ISA=$isa "$NNMPI" train dense.yaml --run run --resume -q >out 2>err || fail "does not go on"
    expect_line "^digest *$want" out
done <<'DIGESTS'
dense 61157ebe9ec1fe66d50e1bd492d6e5e7e065a2614afa89044498678d5cbe649c
image de1168c05295ba0d4c8232ec6e26175e7ba3707f325eece2e984105be45b73ca
attention ee6556203a8fb79ec9fc12fb94116295b6f778a0cc78e77007ab794fed14f7d3
rows 86d962251c9eb880b6ffdd38f52416d6aa2575ca1ab1f22b2aa77d8796217743
DIGESTS

[ "${#isas[@]}" -gt 1 ] || echo "not tried: kernels of another instruction set than ${isas[0]}, which this processor lacks"

# an older processor evaluates and predicts, and trains with other bits
if grep -qx v2 known; then
    "$NNMPI" eval run/last.h5 >want
    NNMPI_ISA=v2 "$NNMPI" eval run/last.h5 >out 2>err || fail "v2 does not evaluate"
    [ "$(grep -m 1 '^loss' want | cut -c 1-24)" = "$(grep -m 1 '^loss' out | cut -c 1-24)" ] || fail "v2 finds another loss"
    NNMPI_ISA=v2 "$NNMPI" predict run/last.h5 --data images.h5 -O rows.csv >out 2>err || fail "v2 does not predict"
    NNMPI_ISA=v2 expect_code 2 "$NNMPI" train rows.yaml --run run --resume -o train.epochs=4 >out 2>err
    expect_line 'the checkpoint was computed with own kernels, nnmpi .* \(fused multiply-adds\), and this run computes with own kernels, nnmpi .* \(v2\)' err
    got=$(trained v2 1 dense.yaml)
    [ "$got" != "$dense" ] || fail "v2 has fused multiply-adds"
    [ "$(trained v2 3 dense.yaml -o train.threads=2)" = "$got" ] || fail "v2 has other bits on 3 ranks"
fi
