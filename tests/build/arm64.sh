#!/usr/bin/env bash
# Everything compiles for arm64 without a warning: src/math, which has code of its own for it, as a build does, and of the
# others what a compiler reads. Foreign libraries lend the headers of this machine, so nothing is linked.
# full: yes
# timeout: 300
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
cross=aarch64-linux-gnu-gcc
command -v $cross >/dev/null || skip "no $cross"

# The include folders of the build under test, after the cross compiler's own.
mapfile -t folders < <(grep -o -- '-isystem [^ "]*' "$BUILD_DIR/compile_commands.json" | sort -u |
    sed 's/-isystem //')
folders+=(/usr/include "/usr/include/$(gcc -print-multiarch)")
flags=(-std=c11 -D_GNU_SOURCE= -O2 -fPIC -fopenmp -I "$SOURCE_DIR/src" -I "$SOURCE_DIR/include"
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror)
for folder in "${folders[@]}"; do
    flags+=(-idirafter "$folder")
done

find "$SOURCE_DIR/src/math" -name '*.c' -print0 |
    xargs -0 -P 2 -n 8 $cross "${flags[@]}" -c 2>errors.log || fail "arm64 does not compile"
find "$SOURCE_DIR/src" -path '*/src/math' -prune -o -name '*.c' -print0 |
    xargs -0 -P 2 -n 8 $cross "${flags[@]}" -fsyntax-only 2>>errors.log || fail "arm64 does not compile"
count=$(find . -name '*.o' | wc -l)
[ "$count" -gt 20 ] || fail "only $count files were compiled"
