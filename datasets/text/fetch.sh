#!/usr/bin/env bash
# Gets shakespeare.txt, 1.1 MB of Shakespeare's plays as A. Karpathy has put them together for char-rnn, and checks it.
set -euo pipefail
url=${SHAKESPEARE_MIRROR:-https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt}
sum=86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed # SHA-256

die() {
    printf 'fetch.sh: %s\n' "$*" >&2
    exit 1
}

is_right() { [ -f "$1" ] && sha256sum "$1" | grep -q "^$sum "; }

from=
case ${1:-} in
-h | --help)
    cat <<'USAGE'
usage: fetch.sh [--from FILE] [FOLDER]

Writes FOLDER/shakespeare.txt (default: the current folder), unless it is there already.

  --from FILE   use this copy instead of downloading it

SHAKESPEARE_MIRROR=URL is asked instead of the usual place.
USAGE
    exit 0
    ;;
--from)
    [ $# -ge 2 ] || die "--from needs a file"
    from=$2
    shift 2
    ;;
-*) die "unknown option $1; see --help" ;;
esac
[ $# -le 1 ] || die "only one folder can be given; see --help"
file=${1:-.}/shakespeare.txt
! is_right "$file" || exit 0
[ -z "$from" ] || is_right "$from" || die "$from is not the file it should be: its SHA-256 is not $sum"

mkdir -p -- "${1:-.}"
trap 'rm -f -- "$file.part"' EXIT
if [ -n "$from" ]; then
    cp -- "$from" "$file.part"
elif command -v curl >/dev/null; then
    curl --fail --location --silent --show-error --retry 2 --output "$file.part" "$url"
elif command -v wget >/dev/null; then
    wget --quiet --tries 3 --output-document "$file.part" "$url"
else
    die "neither curl nor wget is installed: install one, or give --from FILE"
fi
is_right "$file.part" || die "$url gave another file (its SHA-256 is not $sum): give --from FILE with a copy"
mv -- "$file.part" "$file"
