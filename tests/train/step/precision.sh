#!/usr/bin/env bash
# timeout: 240
# train.precision: bf16 is refused where a rank has no such kernels, and auto takes float32 there, and with `reproducible`.
# Elsewhere it learns what float32 does; with `reproducible` it has the same bits on any number of ranks and threads and with
# any library; and its checkpoints serve kernels that have no bfloat16.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/reproducible.sh
. "$SOURCE_DIR/tests/reproducible.sh"
make_images
net images '{sgd: {lr: 0.05, momentum: 0.9}}' >image.yaml <<'YAML'
  - conv2d: {filters: 6, kernel: 3, padding: same, activation: relu}
  - conv2d: {filters: 8, kernel: 3, stride: 2, activation: relu}
  - flatten
  - dense: {units: 40, activation: tanh}
  - dense: {units: 4}
YAML
net images '{adam: {lr: 0.003}}' >sequence.yaml <<'YAML'
  - gru: {units: 20, layers: 2}
  - dense: {units: 4}
YAML
bf16=(-o train.precision=bf16)

NNMPI_ISA=v3 expect_code 2 "$NNMPI" train image.yaml --run refused "${bf16[@]}" 2>err
expect_line 'bf16 wants a processor with AVX512_BF16 on every rank' err
expect_line 'auto takes float32 where' err
NNMPI_ISA=v3 digest 1 image.yaml >want
NNMPI_ISA=v3 digest 2 image.yaml -o train.precision=auto >got
expect_same want got

# reproducible bits are those of float32 unless bf16 is asked for
digest 1 image.yaml >want
digest 2 image.yaml -o train.precision=auto >got
expect_same want got

"$NNMPI" check image.yaml --quick "${bf16[@]}" >out 2>err || {
    printf 'this processor has no AVX512_BF16: the rest is left out\n'
    exit 0
}
expect_line '^products       bfloat16' out

# loss RUN: that of the test split, in float32 by other kernels
loss() {
    NNMPI_ISA=v3 "$NNMPI" eval "$1/last.h5" --json 2>err |
        /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["loss"])' || fail "no loss of $1"
}

for config in image.yaml sequence.yaml; do
    digest 1 "$config" >float32
    loss run >float32.loss
    digest 1 "$config" "${bf16[@]}" >want
    loss run >bf16.loss
    ! cmp -s float32 want || fail "$config: nothing was rounded"
    paste float32.loss bf16.loss | awk '{ exit !($1 > 0 && $2 / $1 > 0.95 && $2 / $1 < 1.05) }' ||
        fail "$config: losses $(paste float32.loss bf16.loss)"
    for way in '1 auto 2 openblas' '2 node 1 onednn' '3 allreduce 1 own'; do
        read -r ranks reduce threads library <<<"$way"
        NNMPI_GEMM=$library digest "$ranks" "$config" "${bf16[@]}" -o train.reduce="$reduce" -o train.threads="$threads" >got
        expect_same want got
    done
done

# another precision has other bits, so that a reproducible run does not go on with it
expect_code 2 "$NNMPI" train sequence.yaml --run run --resume -o train.epochs=3 2>err
expect_line 'was computed with bfloat16 .* would not go on with the same bits; set train.precision to bf16, as it was, or' err
