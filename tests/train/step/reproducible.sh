#!/usr/bin/env bash
# timeout: 240
# reproducible: true gives the same bits on any number of ranks and threads, by either way of summing
# gradients, and when a run goes on with another number of ranks in mid-epoch.
. "$SOURCE_DIR/tests/lib.sh"
# shellcheck source=tests/reproducible.sh
. "$SOURCE_DIR/tests/reproducible.sh"
make_images

net images '{adam: {lr: 0.003}}' >image.yaml <<'YAML'
  - conv2d: {filters: 8, kernel: 3, padding: same, bias: false}
  - batch_norm: {activation: relu}
  - max_pool: {size: 2}
  - group_norm: {groups: 2}
  - flatten
  - dense: {units: 64, activation: tanh}
  - dropout: {rate: 0.3}
  - dense: {units: 4}
YAML
digest 1 image.yaml >want
for way in '1 auto 2' '2 node 1' '3 allreduce 1' '5 node 2' '8 allreduce 1'; do
    read -r ranks reduce threads <<<"$way"
    digest "$ranks" image.yaml -o train.reduce="$reduce" -o train.threads="$threads" >got
    expect_same want got
done

# ranks of several nodes, as far as they know, with sums and rows between them
for way in '4 2 allreduce gradients' '4 2 node gradients' '4 2 node rows' '5 3 auto rows' '5 3 auto gradients'; do
    read -r ranks nodes reduce between <<<"$way"
    NNMPI_TEST_NODES=$nodes digest "$ranks" image.yaml -o train.reduce="$reduce" -o train.between_nodes="$between" >got
    expect_same want got
    expect_line "\"reduce\":\"${reduce/auto/node}\"" run/metrics.jsonl
done

# with activations computed again: dropout draws the same numbers, batch_norm's statistics move once
digest 2 image.yaml -o train.recompute=blocks -o train.reduce=node >got
expect_same want got
NNMPI_TEST_NODES=2 digest 4 image.yaml -o train.recompute=blocks -o train.between_nodes=rows >got
expect_same want got
digest 1 image.yaml -o train.reproducible=false >plain
digest 1 image.yaml -o train.reproducible=false -o train.recompute=blocks >got
expect_same plain got

# another number of microbatches is another sum, and without `reproducible` the ranks show
digest 1 image.yaml -o train.microbatches=4 >other
! cmp -s want other || fail "the number of microbatches makes no difference"

# stopped in mid-epoch on 3 ranks, gone on with on 2, each a node
run_ranks 3 "$NNMPI" train image.yaml --run part -q -o train.max_steps=7 >out 2>err
NNMPI_TEST_NODES=2 run_ranks 2 "$NNMPI" train image.yaml --run part --resume -q >out 2>err
grep '^digest' out >got
expect_same want got

# layers that stay, below some that learn and above others
net images sgd >frozen.yaml <<'YAML'
  - conv2d: {filters: 4, kernel: 3}
  - conv2d: {filters: 4, kernel: 3, frozen: true}
  - pad: {padding: 1, mode: reflect}
  - conv_transpose2d: {filters: 3, kernel: 2, stride: 2}
  - upsample: {scale: 2, mode: bilinear}
  - flatten
  - dense: {units: 12, frozen: true}
  - dense: {units: 4}
YAML
digest 1 frozen.yaml >frozen
digest 3 frozen.yaml >got
expect_same frozen got

# volumes and sequences
net images sgd >solid.yaml <<'YAML'
  - reshape: {shape: [1, 4, 6, 6]}
  - conv3d: {filters: 4, kernel: 3, padding: same, activation: relu}
  - conv3d: {filters: 4, kernel: 2, stride: 2}
  - reshape: {shape: [9, 8]}
  - conv1d: {filters: 8, kernel: 3, padding: causal}
  - max_pool1d: {size: 2}
  - flatten
  - dense: {units: 4}
YAML
digest 1 solid.yaml >solid
digest 2 solid.yaml -o train.threads=2 >got
expect_same solid got
digest 3 solid.yaml >got
expect_same solid got

# minibatches in several passes, with and without steps that depend on norms
passes=(-o train.accumulate=3)
digest 1 image.yaml "${passes[@]}" >want
digest 2 image.yaml "${passes[@]}" -o train.recompute=blocks >got
expect_same want got
! cmp -s want other || fail "passes make no difference"
for way in '1 auto 2' '2 node 1' '2 allreduce 2' '3 auto 1' '8 node 1'; do
    read -r ranks reduce threads <<<"$way"
    digest "$ranks" image.yaml "${passes[@]}" -o train.reduce="$reduce" -o train.threads="$threads" >got
    expect_same want got
done
NNMPI_TEST_NODES=2 digest 4 image.yaml "${passes[@]}" >got
expect_same want got
digest 1 image.yaml "${passes[@]}" -o train.clip_norm=0 >plain
digest 2 image.yaml "${passes[@]}" -o train.clip_norm=0 >got
expect_same plain got
NNMPI_TEST_NODES=2 digest 4 image.yaml "${passes[@]}" -o train.clip_norm=0 >got
expect_same plain got
run_ranks 3 "$NNMPI" train image.yaml --run passes "${passes[@]}" -q -o train.max_steps=7 >out 2>err
NNMPI_TEST_NODES=2 run_ranks 2 "$NNMPI" train image.yaml --run passes "${passes[@]}" --resume -q >out 2>err
grep '^digest' out >got
expect_same want got

net images '{lamb: {lr: 0.01}}' >rows.yaml <<'YAML'
  - positions
  - attention: {heads: 6, kv_heads: 3, causal: true, dropout: 0.2, rotary_base: 100, name: first}
  - attention: {heads: 3, inputs: [first, input]}
  - lstm: {units: 16, return: all}
  - slice: {axis: 1, begin: 1}
  - mean
  - glu
  - layer_norm
  - rms_norm
  - dense: {units: 4}
YAML
digest 1 rows.yaml >want
for way in '2 1' '3 2' '4 1'; do
    read -r ranks threads <<<"$way"
    digest "$ranks" rows.yaml -o train.threads="$threads" >got
    expect_same want got
done

digest 2 rows.yaml -o train.recompute=blocks >got
expect_same want got

# what cannot be kept is said
expect_code 2 run_ranks 3 "$NNMPI" train image.yaml --run many -o train.microbatches=2 >out 2>err
expect_line '2 microbatches can be shared by at most as many ranks, and there are 3' err
NNMPI_ISA=v2 expect_code 2 "$NNMPI" train image.yaml --run part --resume -o train.epochs=4 >out 2>err
expect_line 'the checkpoint was computed with .*, and this run computes with .*v2' err
