#!/usr/bin/env bash
# What is published of a version, of what is committed:
#   release.sh [FOLDER]           in FOLDER (build/publish): nnmpi-VERSION.tar.gz, its SHA256SUMS, and NOTES.md, the
#                                 version's section of CHANGELOG.md; equal bytes each time
#   release.sh --draft [FOLDER]   the same, though the section says "unreleased"
# The version stands in include/nnmpi/version.h; files that repeat it, as other programs read them, have to agree.
set -euo pipefail
cd "$(dirname "$0")/.."

draft=no
if [ "${1:-}" = --draft ]; then
    draft=yes
    shift
fi
if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
    printf 'usage: release.sh [--draft] [FOLDER]\n' >&2
    exit 2
fi
folder=${1:-build/publish}

refuse() {
    printf 'release.sh: %s\n' "$*" >&2
    exit 1
}

# shellcheck source=scripts/archive.sh
. scripts/archive.sh
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || refuse "include/nnmpi/version.h: '$version' is not MAJOR.MINOR.PATCH"
while read -r file line; do
    grep -sqF -- "$line" "$file" || refuse "$file: no line with '$line', which version.h calls for"
done <<LIST
CITATION.cff version: $version
packaging/debian/changelog nnmpi ($version-
packaging/rpm/nnmpi.spec Version:        $version
packaging/spack/packages/nnmpi/package.py version("$version")
packaging/easybuild/nnmpi-$version-foss-2023b.eb version = '$version'
packaging/conda/recipe.yaml version: "$version"
packaging/guix/nnmpi.scm (version "$version")
CHANGELOG.md ## [$version] - 
LIST
heading=$(grep -F "## [$version] - " CHANGELOG.md)
[ "$draft" = yes ] || [[ $heading =~ \ -\ [0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
    refuse "CHANGELOG.md: '$heading' has no date (YYYY-MM-DD)"
[ -z "$(git status --porcelain --untracked-files=no)" ] || refuse "files are not committed (git status)"

mkdir -p "$folder"
for file in "$folder"/* "$folder"/.[!.]*; do
    case ${file##*/} in
    nnmpi-*.tar.gz | NOTES.md | SHA256SUMS) ;; # of an earlier call
    *) [ ! -e "$file" ] || refuse "$folder holds other files, such as ${file##*/}" ;;
    esac
done
rm -f "$folder"/{nnmpi-*.tar.gz,NOTES.md,SHA256SUMS}
archive "$folder/nnmpi-$version.tar.gz"
awk -v heading="$heading" '/^## / { inside = $0 == heading; next } inside' CHANGELOG.md | sed '/./,$!d' >"$folder/NOTES.md"
[ -s "$folder/NOTES.md" ] || refuse "CHANGELOG.md: nothing stands under '$heading'"
(cd "$folder" && sha256sum "nnmpi-$version.tar.gz" NOTES.md >SHA256SUMS)
printf 'nnmpi %s is in %s; then: git tag -s v%s\n' "$version" "$folder" "$version"
