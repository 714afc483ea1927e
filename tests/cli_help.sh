#!/usr/bin/env bash
# Help comes from the tables: every verb, section and row has its page, and the reference is current.
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" --version > out
expect_line '^nnmpi [0-9]+\.[0-9]+\.[0-9]+$' out

"$NNMPI" help > overview
for word in train eval predict data check inspect digest bench help; do
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
"$NNMPI" help step > out # an activation and a schedule
[ "$(grep -c '^step (' out)" -ge 2 ] || fail "help step knows only one of them"

expect_code 2 "$NNMPI" help convex 2> err
expect_line "^nnmpi: unknown topic 'convex'" err

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
