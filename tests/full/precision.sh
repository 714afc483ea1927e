#!/usr/bin/env bash
# full: yes
# timeout: 3600
# Recipes of MNIST learn with train.precision: bf16 what they learn in float32: five seeds each. Prints, of the accuracy
# and the loss on the test digits in the end, mean and standard deviation.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/mnist.sh"
get_mnist
for recipe in mlp128:3 lenet:1 lstm:1; do
    epochs=${recipe#*:} recipe=${recipe%:*}
    for precision in float32 bf16; do
        for seed in 1 2 3 4 5; do
            "$NNMPI" train "$SOURCE_DIR/datasets/mnist/$recipe.yaml" -o data.path=mnist.h5 -o train.epochs="$epochs" \
                -o train.seed=$seed -o train.precision=$precision -o train.threads=1 -o checkpoint.every_epochs=0 \
                --run "$recipe-$precision-$seed" -q >out 2>err || {
                ! grep -qF AVX512_BF16 err || skip "this processor has no AVX512_BF16"
                fail "$recipe, $precision, seed $seed"
            }
        done
    done
    python3 - "$recipe" <<'PY' || fail "$recipe learns something else with bf16"
import json, statistics, sys
recipe = sys.argv[1]
def ends(precision, key):
    lines = [open(f"{recipe}-{precision}-{seed}/metrics.jsonl").readlines()[-1] for seed in range(1, 6)]
    return [json.loads(line)[key] for line in lines]
def within_noise(key):
    """Of the difference of two means, three standard errors: the seeds are pairs, but their order of samples is all
    that they share for long."""
    one, other = ends("float32", key), ends("bf16", key)
    error = ((statistics.variance(one) + statistics.variance(other)) / 5) ** 0.5
    return abs(statistics.mean(one) - statistics.mean(other)) <= 3 * error
for precision in "float32", "bf16":
    print("|", recipe, "|", precision, "|",
          *(f"{statistics.mean(ends(precision, key)):.4f} +- {statistics.stdev(ends(precision, key)):.4f} |"
            for key in ("accuracy", "loss")))
assert within_noise("accuracy") and within_noise("loss")
PY
done
