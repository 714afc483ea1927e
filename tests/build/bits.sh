#!/usr/bin/env bash
# The kernels of gcc 12 and 14, clang 14 and 19, of those that are installed, have the bits of
# tests/golden/kernel_bits.txt: those for the best instruction set of this processor, or with EVERY_ISA=yes
# (tests/full/bits.sh) for all that it can run. Each is given the flags of the build under test, whose own compiler
# tests/math/bits.c, bits_conv.c, bits_update.c and bits_bf16.c look at.
# timeout: 900
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

commands="$BUILD_DIR/compile_commands.json"
! grep -q -- '-fsanitize\|--coverage' "$commands" || skip "a build for checks: its own test tells"

# flags_of OBJECT_FOLDER SOURCE: what the build compiles the source with.
flags_of() {
    grep -E "\"command\": .*-o [^ ]*$1/[^ ]* -c [^ ]*$2\"" "$commands" | head -n 1 |
        sed -E 's/^[^:]*: "//; s/ -o [^ ]* -c .*//; s/\\"/"/g' | grep -oE -- ' -.*'
}

# compile COMPILER: math_bits and the others of its kernels; everything else is the build's.
compile() {
    local cc=$1 isa flags unrolled=() what
    mkdir "$cc"
    [[ $cc != clang* ]] || unrolled=(-Werror=pass-failed) # the loops that shall be
    for isa in "${isas[@]}"; do
        read -ra flags <<<"$(flags_of "CMakeFiles/nn_math_$isa.dir" src/math/isa/rows.c)"
        mkdir "$cc/$isa"
        (cd "$cc/$isa" && printf '%s\0' "$SOURCE_DIR"/src/math/isa/{,conv/}*.c |
            nice xargs -0 -P 2 -n 4 "$cc" "${flags[@]}" -g0 -Wno-error "${unrolled[@]}" -c) || return
    done
    for what in "${tests[@]}"; do
        "$cc" -std=c11 -D_GNU_SOURCE= -O1 -I "$SOURCE_DIR/src" -I "$SOURCE_DIR/include" -I \
            "$SOURCE_DIR/tests" "$SOURCE_DIR/tests/math/$what.c" "$cc"/*/*.o \
            "$BUILD_DIR/libnnmpi.a" -lm -lpthread -o "$cc/math_$what" || return
    done
}

rc=0
"$BUILD_DIR/tests/math_bits" 2>err || rc=$?
[ "$rc" -ne 77 ] || skip "$(cat err)"

# Those that this processor can run.
mapfile -t isas < <("$BUILD_DIR/tests/math_bits" isas)
tests=(bits bits_conv bits_update)
! "$BUILD_DIR/tests/math_bits_bf16" || tests+=(bits_bf16)
[ "${EVERY_ISA:-no}" = yes ] || isas=("${isas[0]}")
own=$(realpath "$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")")
count=0
for cc in gcc-12 gcc-14 clang-14 clang-19; do
    command -v "$cc" >/dev/null || continue
    [ "$(realpath "$(command -v "$cc")")" != "$own" ] || continue
    compile "$cc" 2>"$cc.log" || fail "$cc does not compile the kernels"
    for what in "${tests[@]}"; do
        "$cc/math_$what" 2>>"$cc.log" || fail "other bits by $cc"
    done
    count=$((count + 1))
done
[ "$count" -gt 0 ] || skip "no other compiler"
