#!/usr/bin/env bash
# timeout: 120
# Help comes from the tables: every verb, section and row has its page, and the reference is current.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" --version > out
expect_line '^nnmpi [0-9]+\.[0-9]+\.[0-9]+$' out
"$NNMPI" -v --version > out
for line in 'compiler +(gcc|clang) [1-9]' 'MPI +[^ ]+.* v?[1-9]' 'matrix products +OpenBLAS [0-9.]+ \([A-Za-z0-9]+\)' \
    'HDF5 +1\.[0-9]+\.[0-9]+$' 'images +(no libpng|libpng 1.*), (no libjpeg|libjpeg.*[0-9].*)$' \
    'instruction set +(v[234]|base)$' 'threads +up to [1-9]'; do
    expect_line "^$line" out
done

"$NNMPI" help > overview
for word in train tune eval predict generate plot data init check inspect digest export import bench explain help; do
    expect_line "^  $word +[A-Z]" overview
    "$NNMPI" help "$word" > out
    expect_line "^usage: nnmpi $word" out
    "$NNMPI" "$word" --help > again
    head -n 3 again > first
    head -n 3 out | diff - first || fail "help $word and $word --help differ"
done
"$NNMPI" --help > out
expect_same overview out

for word in validate checkpoint config layer layers losses optimizer; do
    "$NNMPI" help "$word" > out
    [ -s out ] || fail "help $word says nothing"
done
"$NNMPI" help dense > out
expect_line '^  units ' out
"$NNMPI" data import --help > out
expect_line '^  csv ' out
"$NNMPI" help data split > out # as it is typed
"$NNMPI" data split --help > again
expect_line '^usage: nnmpi data split PATH' out
expect_same out again
"$NNMPI" help data import csv > out
expect_line '^usage: nnmpi data import KIND' out
expect_line '^csv .importer' out
expect_no_line '^usage: nnmpi data (import.info|info|split|make)' out
expect_code 2 "$NNMPI" help data splt 2> err > out
expect_line "^nnmpi: unknown topic 'splt'" err
"$NNMPI" help step > out # an activation and a schedule
[ "$(grep -c '^step (' out)" -ge 2 ] || fail "help step knows only one of them"

expect_code 2 "$NNMPI" help convex 2> err
expect_line "^nnmpi: unknown topic 'convex'" err

# every key at every depth, by its whole path or the end of it
"$NNMPI" help train.optimizer.sgd.lr > out
expect_line '^train.optimizer.sgd.lr ' out
expect_line '^      optimizer: .sgd: .lr: 0.01..$' out
"$NNMPI" help sgd.lr > again
expect_same out again
"$NNMPI" help model > out
expect_line '^    model: ' out
"$NNMPI" help data.normalize > out
expect_line 'normalize: ' out
"$NNMPI" help model.0.dense.units > out # as -o has it
expect_line '^      - dense: .units: 10.$' out
"$NNMPI" help dense.lr-scale > out
expect_line 'lr_scale: 0.1' out
"$NNMPI" help lr > out # many places
expect_line "^'lr' is a key at these places" out
for place in train.lr train.optimizer.sgd.lr train.optimizer.adam.lr; do
    expect_line "^  $place( |\$)" out
done
expect_no_line 'Example' out
"$NNMPI" help momentum > out # an optimiser, and a key of others
expect_line '^momentum .optimizer.$' out
expect_line "^'momentum' is a key at these places" out
expect_line '^  train.optimizer.sgd.momentum' out
"$NNMPI" help train > out
expect_no_line 'is (also )?a key at' out
for wrong in conv2d.filtres:conv2d.filters train.epohcs:train.epochs optimizer.adam.beta3:optimizer.adam.beta; do
    expect_code 2 "$NNMPI" help "${wrong%:*}" 2> err
    expect_line "^nnmpi: unknown topic '${wrong%:*}', did you mean '${wrong#*:}" err
done

"$NNMPI" help resume > out # an option of a verb
expect_line '^An option of nnmpi train .CONFIG.' out
expect_line '^  --resume ' out
"$NNMPI" help eval.split > again
expect_line '^  --split TEXT ' again

# lines fit the terminal: COLUMNS, else 80
for topic in '' conv2d train lr sgd.lr layers import bench; do
    for columns in '' 50 120; do
        # shellcheck disable=SC2086 # no topic
        COLUMNS=$columns "$NNMPI" help $topic | sed '/Example:/,/^$/d; /^usage/d' > out
        longest=$(awk '{ if (length > most) most = length } END { print most }' out)
        [ "$longest" -le "${columns:-80}" ] || fail "help $topic in ${columns:-80} columns: $longest"
    done
done
[ "$longest" -gt 80 ] || fail "a wide terminal is not used: $longest"

# every name in the reference has a page of its own
"$NNMPI" help --markdown > reference.md
# shellcheck disable=SC2016
grep -oE '^### `[a-z_0-9]+`$' reference.md | tr -d '#` ' | sort -u > names
[ "$(wc -l < names)" -ge 20 ] || fail "the reference has only $(wc -l < names) names"
while read -r name; do
    "$NNMPI" help "$name" > out || fail "no help for $name"
done < names
cmp -s "$SOURCE_DIR/docs/reference.md" reference.md ||
    fail "docs/reference.md is behind: nnmpi help --markdown > docs/reference.md"

# output that does not arrive is an error, a reader that has had enough is none
if [ -w /dev/full ]; then
    expect_code 6 "$NNMPI" help > /dev/full 2> err
    expect_line 'cannot write to standard output' err
fi
