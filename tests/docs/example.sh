#!/usr/bin/env bash
# The layer that docs/architecture.md adds compiles without a warning and passes the gradient check.
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

! is_sanitized || skip "built without the sanitizers' flags"
double=$BUILD_DIR/tests/libnnmpi_double.a
[ -e "$double" ] || fail "no $double"

# block HEAD: what the document shows behind ```c HEAD
block() {
    sed -n "/^\`\`\`c ${1//\//\\/}\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$SOURCE_DIR/docs/architecture.md" >block
    [ -s block ] || fail "docs/architecture.md has no block '$1'"
}

mkdir -p src/nn/layers tests/nn
block "file src/nn/layers/scale.c"
cp block src/nn/layers/scale.c

# add_row FILE PLACE: the document's row of that file, behind the first line that ends with PLACE.
add_row() {
    block "row $1"
    awk -v place="$2" 'FNR == NR { row = row $0 "\n"; next }
        { at = index($0, place) }
        !done && at { at += length(place)
                      $0 = substr($0, 1, at - 1) "\n" row substr($0, at); done = 1 }
        { print }
        END { exit !done }' block "$SOURCE_DIR/$1" >"$1" || fail "$1 has no '$2'"
}

add_row src/nn/layers/layers.h '#include "nn/layers/layer.h"'
add_row src/nn/layers/layers.c 'rows[] = {'
add_row tests/nn/gradient.c 'cases[] = {'

flags=(-std=c11 -D_GNU_SOURCE -DNN_DOUBLE -O1 -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror
    -Isrc "-I$SOURCE_DIR/src" "-I$SOURCE_DIR/include" "-I$SOURCE_DIR/tests")
read -ra libraries <<<"$(PKG_CONFIG_PATH=$BUILD_DIR pkg-config --static --libs nnmpi | sed 's/-lnnmpi//')"
"$(cached CMAKE_C_COMPILER)" "${flags[@]}" src/nn/layers/scale.c src/nn/layers/layers.c tests/nn/gradient.c \
    "$double" "${libraries[@]}" -o gradient 2>err || fail "it does not build"
./gradient >out 2>err || fail "the gradient check fails"
