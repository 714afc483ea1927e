#!/usr/bin/env bash
# Draws the pictures of docs/textbook.md anew, by the commands that the page shows, into docs/pictures.
#   scripts/pictures.sh
# Wants nnmpi in build/release, its Python package, and for some pictures NNMPI_MNIST, the folder of MNIST's files.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/env.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ -z "${NNMPI_MNIST:-}" ] || export MNIST_MIRROR="file://$NNMPI_MNIST"

cd "$folder"
ln -s "$top/scripts" scripts
cp -r "$top/datasets" datasets
# Files are written and commands are run in the order of the page.
awk '/^```/ && inside { close(out); inside = 0
                        if (action == "run" && system("bash -e " out) != 0) exit 1
                        next }
     /^```/ { inside = 1; action = $2; out = action == "file" ? $3 : "block.sh"; printf "" > out; next }
     inside { print > out }' "$top/docs/textbook.md" >&2

mkdir -p "$top/docs/pictures"
sed -n 's/^!\[.*\](pictures\/\(.*\))$/\1/p' "$top/docs/textbook.md" | while read -r name; do
    cp "$name" "$top/docs/pictures/$name"
done
