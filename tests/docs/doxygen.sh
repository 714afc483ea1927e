#!/usr/bin/env bash
# The pages of the C interface are made from the headers without a warning, and have their comments.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

command -v doxygen >/dev/null || skip "no doxygen"

(cd "$SOURCE_DIR/docs" && { cat Doxyfile && echo "OUTPUT_DIRECTORY = $trash"; } | doxygen -) >doxygen.log 2>&1 ||
    fail "doxygen warns"
[ ! -s doxygen.log ] || fail "doxygen has something to say"
for header in "$SOURCE_DIR"/include/nnmpi/*.h; do
    name=$(basename "$header" .h)
    [ -s "html/${name}_8h.html" ] || fail "no page for $name.h"
done
expect_line 'Forward, back-propagation' html/training_8h.html          # before a function,
expect_line 'NaN where there is none' html/structnn__metric__value.html # behind a member,
expect_line 'A training that its caller drives' html/training_8h.html  # of a header,
expect_line "^ *while \(rc == 0 &amp;&amp; nn_training_goes_on\(t\)\)" html/training_8h.html # and code in it
