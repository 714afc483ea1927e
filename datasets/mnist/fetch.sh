#!/usr/bin/env bash
# Gets MNIST, checks it and turns it into mnist.h5.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: fetch.sh [--from DIR] [FOLDER]

Downloads the four IDX files of MNIST (11 MB) to FOLDER (default: the current one), checks them and
writes FOLDER/mnist.h5 with `nnmpi data import idx`. What is there already is not loaded again, and
a download that broke off is continued.

  --from DIR   use the files in DIR, gzip'd or not, instead of downloading

MNIST_MIRROR=URL is asked before the usual mirrors. The program is taken from $NNMPI, else from PATH, else from the build folders of this source tree.
EOF
}

mirrors=(
    ${MNIST_MIRROR:+"$MNIST_MIRROR"}
    https://ossci-datasets.s3.amazonaws.com/mnist
    https://storage.googleapis.com/cvdf-datasets/mnist
)

# MD5 of the unpacked files.
files=(
    "6bbc9ace898e44ae57da46a324031adb train-images-idx3-ubyte"
    "a25bea736e30d166cdddb491f175f624 train-labels-idx1-ubyte"
    "2646ac647ad5339dbf082846283269ea t10k-images-idx3-ubyte"
    "27ae3e4e09519cfbb04c329615203637 t10k-labels-idx1-ubyte"
)

say() { printf 'mnist: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# is_right FILE MD5: the file, unpacked if need be, has this checksum.
is_right() {
    local sum
    case $1 in
    *.gz | *.gz.part) sum=$(gzip -dc <"$1" 2>/dev/null | md5sum) || return 1 ;;
    *) sum=$(md5sum <"$1") ;;
    esac
    [ "${sum%% *}" = "$2" ]
}

# load URL FILE: continues FILE where it ends.
load() {
    if command -v curl >/dev/null; then
        curl --fail --location --silent --show-error --retry 2 --connect-timeout 20 \
            --continue-at - --output "$2" "$1"
    elif command -v wget >/dev/null; then
        wget --quiet --tries 3 --timeout 60 --continue --output-document "$2" "$1"
    else
        die "neither curl nor wget is installed: install one, or give --from DIR"
    fi
}

# load_again_if_refused URL FILE: not every server continues a file, or has one of that length (33
# and 22 are what curl says then, 8 is wget's).
load_again_if_refused() {
    local code=0
    load "$1" "$2" || code=$?
    case $code in
    8 | 22 | 33)
        [ -s "$2" ] || return "$code"
        say "it cannot be continued; starting again"
        rm -f -- "$2"
        load "$1" "$2"
        ;;
    *) return "$code" ;;
    esac
}

# fetch NAME MD5: FOLDER/NAME.gz from the first mirror that has it right.
fetch() {
    local file=$folder/$1.gz mirror
    if [ -f "$file" ] && is_right "$file" "$2"; then
        say "$1.gz is there"
        return
    fi
    for mirror in "${mirrors[@]}"; do
        say "loading $mirror/$1.gz"
        if ! load_again_if_refused "$mirror/$1.gz" "$file.part"; then
            say "that did not work"
        elif is_right "$file.part" "$2"; then
            mv -- "$file.part" "$file"
            return
        else
            say "$1.gz is not the file it should be (checksum); it is thrown away"
            rm -f -- "$file.part"
        fi
    done
    die "no mirror gave $1.gz: try again later, or give --from DIR with a copy"
}

# check NAME MD5: the local copy has the file, and it is right.
check() {
    local file
    for file in "$from/$1" "$from/$1.gz" "$from/${1/-idx/.idx}" "$from/${1/-idx/.idx}.gz"; do
        [ -f "$file" ] || continue
        is_right "$file" "$2" || die "$file is not the file of MNIST: its unpacked MD5 is not $2"
        return 0
    done
    die "$from holds neither $1 nor $1.gz"
}

# find_program: prints the path of nnmpi.
find_program() {
    local root candidate
    if [ -n "${NNMPI:-}" ]; then
        [ -x "$NNMPI" ] || die "NNMPI=$NNMPI is no program"
        printf '%s\n' "$NNMPI"
        return
    fi
    command -v nnmpi && return
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    for candidate in "$root"/build/nnmpi "$root"/build/*/nnmpi "$root"/build-*/nnmpi; do
        if [ -x "$candidate" ] && [ ! -d "$candidate" ]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

from=
folder=
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --from)
        [ $# -ge 2 ] || die "--from needs a folder"
        from=$2
        shift
        ;;
    --from=*) from=${1#--from=} ;;
    -*) die "unknown option $1; see --help" ;;
    *)
        [ -z "$folder" ] || die "only one folder can be given; see --help"
        folder=$1
        ;;
    esac
    shift
done
folder=${folder:-.}

mkdir -p -- "$folder"
for entry in "${files[@]}"; do
    read -r sum name <<<"$entry"
    if [ -n "$from" ]; then
        check "$name" "$sum"
    else
        fetch "$name" "$sum"
    fi
done
say "all four files are right"

source=${from:-$folder}
if program=$(find_program); then
    "$program" data import idx "$source" -O "$folder/mnist.h5"
elif [ -n "${NNMPI:-}" ]; then
    exit 1
else
    say "nnmpi is not built yet: build it, then run: nnmpi data import idx $source -O $folder/mnist.h5"
fi
