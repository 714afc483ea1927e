#!/usr/bin/env bash
# timeout: 1800
# The documents are true: what they show is run, each document in a fresh folder, and what it shows as
# output comes out; links lead somewhere; nothing is said twice and differently. What is behind the
# language of a fenced block says what it is:
#   ```sh run [NEED...]      commands that end well; skipped without a need: h5py, torch, python (the
#                            package nnmpi), mpi4py or sklearn (and that package), mnist (the variable
#                            NNMPI_MNIST names a folder with its IDX files), images (libpng), openmpi, hosts
#                            (scripts/hosts.sh can make them), g++, fortran (the interface is built),
#                            mpi_f08 (for MPI's module of that name), full (it takes long: tests/full/docs.sh)
#   ```text output           lines that the commands before print; three dots or more are any text
#   ```LANGUAGE file NAME    a file that the commands use; pages show nothing of this line, so the one before the
#                            block says `NAME`
#   ```LANGUAGE is PATH      a copy of this file of the sources
# Other blocks are only read.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

! is_sanitized || skip "readers do not sanitize"

mapfile -t documents < <(cd "$SOURCE_DIR" && ls README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md docs/*.md docs/howto/*.md slurm/*.md \
    datasets/*/*.md examples/*/*.md)

# ---- links and names -----------------------------------------------------------------------------

# Anchors of a document, as GitHub makes them from headings.
anchors() {
    sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

check_links() {
    local document=$1 target file
    while read -r target; do
        file=${target%%#*}
        file=${file:+$(dirname "$document")/$file}
        file=$SOURCE_DIR/${file:-$document}
        [ -e "$file" ] || fail "$document: no $target"
        [[ $target != *'#'* ]] || anchors "$file" | grep -xF -- "${target#*#}" >/dev/null ||
            fail "$document: no heading for $target"
    done < <(awk '/^```/ { code = !code } !code' "$SOURCE_DIR/$document" | grep -oE '\]\([^)]+\)' |
        sed 's/^](//; s/)$//' | grep -v '^http' || true)
}

for document in "${documents[@]}"; do
    check_links "$document"
    expect_no_line '(^|[^a-z.])/(tmp|work|root|home|mnt)(/|$)' "$SOURCE_DIR/$document"
done

# ---- what the commands need ----------------------------------------------------------------------

cmake --install "$BUILD_DIR" --prefix "$trash/installed" >install.txt
libraries=$(dirname "$(find "$trash/installed" -name 'libnnmpi.so')")
export PKG_CONFIG_PATH=$libraries/pkgconfig
PYTHONPATH=$(dirname "$(dirname "$(find "$trash/installed" -path '*/nnmpi/_library.py')")")
export PYTHONPATH

mkdir bin
for python in python3 /usr/bin/python3; do
    "$python" -c 'import h5py' 2>/dev/null && ln -sf "$(command -v "$python")" bin/python3
done
. "$SOURCE_DIR/scripts/env.sh"
export PATH=$trash/bin:$trash/installed/bin:$PATH
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
[ -z "${NNMPI_MNIST:-}" ] || export MNIST_MIRROR="file://$NNMPI_MNIST"

has() {
    case $1 in
    python) python3 -c "import nnmpi" 2>/dev/null ;;
    mpi4py | sklearn) has python && python3 -c "import $1" 2>/dev/null ;;
    h5py | torch) python3 -c "import $1" 2>/dev/null ;;
    images) grep -q '^PNG_LIBRARY_RELEASE:FILEPATH=/' "$BUILD_DIR/CMakeCache.txt" ;;
    mnist) [ -n "${NNMPI_MNIST:-}" ] ;;
    openmpi) ! is_hydra ;;
    full) [ "${DOCS_FULL:-no}" = yes ] ;;
    g++) command -v g++ >/dev/null ;;
    fortran) command -v gfortran >/dev/null && [ -e "$libraries/libnnmpi_fortran.so" ] ;;
    mpi_f08) [ -e "$trash/installed/include/nnmpi/fortran/nnmpi_mpi_f08.mod" ] ;;
    hosts) "$SOURCE_DIR/scripts/hosts.sh" --rate 1gbit 1 true 2>/dev/null ;;
    *) fail "$document: blocks cannot need '$1'" ;;
    esac
}

has_all() {
    local need
    for need in "$@"; do
        has "$need" || return 1
    done
}

# ---- blocks --------------------------------------------------------------------------------------

# split_blocks DOCUMENT FOLDER: FOLDER/<number> is a block, FOLDER/<number>.info its first line, and the last one
# before it that is not empty.
split_blocks() {
    awk -v folder="$2" '
        /^```/ && inside { close(block); inside = 0; before = ""; next }
        /^```/ { inside = 1; block = sprintf("%s/%03d", folder, ++count)
                 print substr($0, 4) "\n" before > (block ".info"); printf "" > block; next }
        inside { print > block; next }
        NF { before = $0 }' "$1"
}

# save_block BLOCK NAME: as a reader does who is told the name.
save_block() {
    # shellcheck disable=SC2016 # Markdown
    sed -n 2p "$1.info" | grep -qF -- "\`$2\`" ||
        fail "$document: the line before the file $2 does not show its name: write \`$2\`: above it"
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2"
}

# run_block BLOCK: in the folder of the document; what is printed goes to output.log.
run_block() {
    local code=0
    bash -e -o pipefail "$1" >"$trash/output.log" 2>&1 </dev/null || code=$?
    [ "$code" -eq 0 ] || { cat "$1" >&9 && fail "$document: these commands end with $code"; }
}

# check_output BLOCK: every line of it is one of output.log.
check_output() {
    local line
    while IFS= read -r line; do
        # shellcheck disable=SC2016 # a regular expression
        line=$(sed 's/[][\\.*^$(){}?+|]/\\&/g; s/\\\.\\\.\\\.\(\\\.\)*/.*/g' <<<"$line")
        expect_line "^$line\$" "$trash/output.log"
    done <"$1"
}

# check_pictures: what the document shows from pictures/ has been drawn into its folder, but for what a
# skipped block names.
check_pictures() {
    local name
    while read -r name; do
        [ -s "$name" ] || grep -q -- "${name%%[-.]*}" "$trash/skipped" || fail "$document: nothing draws $name"
    done < <(sed -n 's/^!\[.*\](pictures\/\(.*\))$/\1/p' "$SOURCE_DIR/$document")
}

ran=0 skipped=0

# A document's folder is the source tree as a reader sees it after building.
visit() {
    local blocks=$trash/blocks block action words done_last=no
    rm -rf "$blocks" "$trash/reader" && mkdir -p "$blocks" "$trash/reader/build"
    cd "$trash/reader"
    cp -r "$SOURCE_DIR"/{docs,scripts,slurm,datasets} .
    ln -s "$trash/installed/bin" build/release
    split_blocks "$SOURCE_DIR/$document" "$blocks"
    : >"$trash/skipped"
    for block in "$blocks"/*.info; do
        [ -e "$block" ] || break # a document without blocks
        read -r _ action words <"$block" || true
        block=${block%.info}
        case $action in
        "") ;;
        row) ;; # tests/docs/example.sh
        file) save_block "$block" "$words" ;;
        is) cmp -s "$block" "$SOURCE_DIR/$words" || fail "$document: a block is not what $words is" ;;
        output) [ "$done_last" = no ] || check_output "$block" ;;
        run)
            # shellcheck disable=SC2086 # words
            if has_all $words; then
                run_block "$block"
                done_last=yes ran=$((ran + 1))
            else
                done_last=no skipped=$((skipped + 1))
                cat "$block" >>"$trash/skipped"
            fi
            ;;
        *) fail "$document: '$action' behind a language" ;;
        esac
    done
    check_pictures
    cd "$trash"
}

for document in "${documents[@]}"; do
    start=$SECONDS
    visit
    printf '%s: %d s\n' "$document" $((SECONDS - start))
done
printf '%d blocks run, %d skipped\n' "$ran" "$skipped"
[ "$ran" -gt 0 ] || fail "no document shows anything that can be run"
