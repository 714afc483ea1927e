#!/usr/bin/env bash
# An installed tree is complete, wherever it is moved: a small C program builds against it with pkg-config and with
# CMake, with the shared and with the static library, and trains.
# timeout: 120
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

! is_sanitized || skip "programs of others are not sanitized"
cc=$(cached CMAKE_C_COMPILER)
source=$SOURCE_DIR/tests/install

DESTDIR=$trash/staged cmake --install "$BUILD_DIR" --prefix /opt/nnmpi >install.log
if ! mv staged/opt/nnmpi installed || [ -n "$(find staged ! -type d)" ]; then
    fail "DESTDIR, or the prefix, is not all that counts: $(find staged)"
fi
library=$(find "$trash/installed" -name 'libnnmpi.so')
[ -n "$library" ] || fail "libnnmpi.so is not installed"
libdir=$(dirname "$library")
for file in "$libdir/libnnmpi.a" installed/bin/nnmpi{,-supervise} installed/include/nnmpi/nnmpi.h \
    installed/share/nnmpi/{datasets/iris/iris.yaml,docs/reference.md,slurm/train.sbatch,LICENSE,licenses/uPlot} \
    installed/share/man/man1/nnmpi{,-train,-data-split}.1 installed/share/bash-completion/completions/nnmpi \
    installed/share/zsh/site-functions/_nnmpi installed/share/fish/vendor_completions.d/nnmpi.fish; do
    [ -e "$file" ] || fail "$file is not installed"
done

# runs PROGRAM: it takes its three steps, and all of them end with the same parameters.
runs() {
    run_ranks 1 "$@" "$trash/run-${1##*/}" >out 2>err || fail "$1 failed"
    expect_line '^3 steps, digest [0-9a-f]{64}$' out
    [ ! -e first ] && cp out first
    expect_same first out
}

export PKG_CONFIG_PATH=$libdir/pkgconfig
unset LD_LIBRARY_PATH # programs find the libraries by themselves
read -ra shared <<<"$(pkg-config --cflags --libs nnmpi)"
"$cc" "$source/main.c" -o pc_shared "${shared[@]}"
runs ./pc_shared
read -ra static <<<"$(pkg-config --static --cflags --libs nnmpi | sed "s|-lnnmpi|-l:libnnmpi.a|")"
"$cc" "$source/main.c" -o pc_static "${static[@]}"
runs ./pc_static

cmake -S "$source" -B cmake -DCMAKE_PREFIX_PATH="$trash/installed" -DCMAKE_C_COMPILER="$cc" >cmake.log
cmake --build cmake >>cmake.log
runs cmake/with_shared
runs cmake/with_static

# The modulefile leads to what it stands among.
if [ -r /usr/share/lmod/lmod/init/bash ]; then
    bash -ec '. /usr/share/lmod/lmod/init/bash
        module use installed/share/nnmpi/modulefiles
        module load nnmpi
        command -v nnmpi nnmpi-supervise
        ls "${MANPATH%%:*}/man1/nnmpi-train.1"
        pkg-config --variable=includedir nnmpi
        module unload nnmpi
        ! command -v nnmpi' >found.txt 2>err || fail "the module does not load: $(cat err)"
    [ "$(grep -c "^$trash/installed/" found.txt)" -eq 4 ] || fail "the module leads to $(cat found.txt)"
    mkdir -p linked/nnmpi
    ln -s "$trash"/installed/share/nnmpi/modulefiles/nnmpi/*.lua linked/nnmpi
    expect_code 1 bash -c '. /usr/share/lmod/lmod/init/bash
        module use linked
        module load nnmpi' 2>err
    expect_line 'copy it and set prefix' err
fi

# Nothing but what the headers mark for others is visible.
exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[A-TV-Z]/ {print $3}')
declared=$(cat "$SOURCE_DIR"/include/nnmpi/*.h)
for symbol in $exported; do
    grep -qw "$symbol" <<<"$declared" || fail "libnnmpi.so exports $symbol, which no header declares"
done
