#!/usr/bin/env bash
# Checkpoints that older versions have written are read as what they were, and runs go on from them to their end.
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
folder=$SOURCE_DIR/tests/data/written

count=0
while read -r file digest loss; do
    [ "$("$NNMPI" digest "$folder/$file" | cut -c 1-64)" = "$digest" ] || fail "$file: other parameters"
    mkdir run
    cp "$folder/$file" run/checkpoint-80.h5
    ln -s checkpoint-80.h5 run/last.h5
    "$NNMPI" train "$folder/net.yaml" --run run --resume >out 2>err || fail "$file: it does not go on: $(cat err)"
    expect_line '^nnmpi: going on from run/last.h5' err
    expect_no_line '^nnmpi: warning' err
    expect_line '^trained 80 steps \(from step 80 to 160, 40 epochs in all\)' out
    # Other processors round otherwise.
    got=$(sed -n 's/^test accuracy .*, loss \([0-9.e-]*\) .*/\1/p' out)
    awk -v got="$got" -v loss="$loss" 'BEGIN { exit !(got > 0.98 * loss && got < 1.02 * loss) }' ||
        fail "$file: ends with a loss of $got, not $loss"
    rm -r run
    count=$((count + 1))
done <"$folder/expected"
[ "$count" -eq "$(find "$folder" -name '*.h5' | wc -l)" ] || fail "files without a line in 'expected'"
[ "$count" -gt 0 ]
