#!/usr/bin/env bash
# No number that is trained, shown or saved comes from a function of libm that does not round exactly, as
# its last bit depends on the C library and on the processor; src/base/numbers/elementary.h has such functions. The
# time that sums over the ranks take (src/comm/reduce/cost.c) is an estimate.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

libm=$(ldd "$NNMPI" | sed -n 's/.*libm\.so[^ ]* => \([^ ]*\) .*/\1/p')
[ -n "$libm" ] || skip "the program does not name its libm"

nm -D --defined-only "$libm" | sed -E 's/.* //; s/@.*//' | sort -u >functions.txt
shopt -s globstar
nm -A -u "$BUILD_DIR/libnnmpi.a" "$BUILD_DIR"/CMakeFiles/nnmpi.dir/src/cli/**/*.o |
    awk '{ print $NF, $1 }' | sort -u >used.txt
join functions.txt used.txt >calls.txt
grep -vE '^(ceil|floor|fmax|fmin|fmod|l?lround|sqrt)f? ' calls.txt |
    grep -vE '^log2 .*:cost\.c\.o:' >inexact.log || true
[ ! -s inexact.log ] || fail "functions of libm that do not round exactly"
expect_line '^fmod ' calls.txt # what is there is found
