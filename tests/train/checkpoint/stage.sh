#!/usr/bin/env bash
# ranks: 1 2
# timeout: 180
# checkpoint.stage: checkpoints are written to a disk of the node and copied into the run folder; a copy that
# was cut off is made up for by the next start there.
. "$SOURCE_DIR/tests/lib.sh"
. "$SOURCE_DIR/tests/shim/lib.sh"

cat > net.yaml <<'YAML'
data: {source: iris}
model: [dense: {name: fc1, units: 6, activation: tanh}, dense: {name: fc2, units: 3}]
loss: cross_entropy
train: {epochs: 20, batch_size: 12, reproducible: true, log_every: 1}
validate: {split: test}
checkpoint: {every_steps: 10, stage: local/scratch, keep: 100}
YAML
sed 's|stage: local/scratch, ||' net.yaml > plain.yaml
launch=("$SOURCE_DIR/tests/ranks.sh" "$RANKS")
[ "$RANKS" -gt 1 ] || launch=(env)
train() { "${launch[@]}" "$NNMPI" train "${config:-net.yaml}" "$@"; }
staged() { find local/scratch -name 'checkpoint-*.h5*'; }

config=plain.yaml train --run plain > out 2> err
train --run staged > again 2> err
expect_same <(grep '^digest' out) <(grep '^digest' again)
[ "$(find staged -name 'checkpoint-*.h5' | wc -l)" -ge 20 ] || fail "not all of them are in the run folder"
[ -z "$(staged)" ] || fail "left behind: $(staged)"
[ "$(stat -c %a local/scratch/nnmpi-*)" = 700 ] || fail "others may look into local/scratch"

# killed while checkpoint-50 is copied: it is whole on the node, and not in the run folder
code=0
faulty rename 1 cut/checkpoint-50 KILL 0 train net.yaml -q --run cut > out 2> err || code=$?
is_killed "$code" || fail "exit code $code of a killed run: $(cat err)"
[ ! -e cut/checkpoint-50.h5 ] || fail "the copy is there"
[ -n "$(staged)" ] || fail "nothing is on the node"
train --run cut --resume > out 2> err
expect_line "^nnmpi: checkpoint-50.h5 was still in 'local/scratch/nnmpi-" err
expect_line 'step 50,' err
expect_same <(grep '^digest' out) <(grep '^digest' again)
[ -z "$(staged)" ] || fail "left behind: $(staged)"

# the copy fails: the run ends, and the next one makes up for it
expect_code 6 faulty write 1 full/checkpoint-50 ENOSPC 0 train net.yaml -q --run full > out 2> err
expect_line "cannot write 'full/checkpoint-50.h5.*the disk is full" err
[ -z "$(find full -name '*.tmp')" ] || fail "left behind: $(find full -name '*.tmp')"
train --run full --resume > out 2> err
expect_line '^nnmpi: checkpoint-50.h5 was still in' err
expect_same <(grep '^digest' out) <(grep '^digest' again)

# so is the first one, but not what is left of a folder that was deleted since
for run in first deleted; do
    faulty rename 1 $run/checkpoint-10 KILL 0 train net.yaml -q --run $run > out 2> err || true
    [ -n "$(staged)" ] || fail "$run: nothing is on the node"
    [ $run = first ] || rm -r $run
    train --run $run --resume -o train.max_steps=15 > out 2> $run.err
    [ -z "$(staged)" ] || fail "left behind: $(staged)"
done
expect_line '^nnmpi: checkpoint-10.h5 was still in' first.err
! grep -q 'was still in' deleted.err || fail "a run goes on from what another one left"

# what was abandoned since is not taken up
config=plain.yaml train --run old -o train.max_steps=50 > out 2> err
faulty rename 1 old/checkpoint-70 KILL 0 train net.yaml -q --run old --resume > out 2> err || true
config=plain.yaml train --run old --resume -o train.max_steps=60 > out 2> err
find local -name 'checkpoint-70.h5' -exec touch -d '1 hour ago' {} +
train --run old --resume > out 2> err
expect_line 'step 60,' err
expect_same <(grep '^digest' out) <(grep '^digest' again)

# somebody else's folder
rm -r local
train --run other -o train.max_steps=10 > out 2> err
chmod 777 local/scratch/nnmpi-*
expect_code 6 train --run other --resume > out 2> err
expect_line "is not a folder that only this user may write to" err
