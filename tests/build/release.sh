#!/usr/bin/env bash
# timeout: 300
# scripts/release.sh packs what is committed, twice with equal bytes, and refuses what does not fit together.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

git clone -q --depth 1 "file://$SOURCE_DIR" clone 2>err || skip "the sources are no git checkout"
git config --file clone/.git/config user.name tester
git config --file clone/.git/config user.email tester@localhost
version=$(sed -n 's/^#define NNMPI_VERSION "\(.*\)"/\1/p' clone/include/nnmpi/version.h)

release() { clone/scripts/release.sh "$@" >out 2>err; }

# refused MESSAGE FILE SED: with the file changed so. What the version calls for is asked first.
refused() {
    sed -i "$3" "clone/$2"
    git -C clone commit -qm changed "$2"
    expect_code 1 release "$trash/one"
    expect_line "$1" err
    git -C clone reset -q --hard HEAD^
}

sed -i "s/^## \[$version\] - .*/## [$version] - 2026-01-31/" clone/CHANGELOG.md
expect_code 1 release "$trash/one"
expect_line 'not committed' err
git -C clone commit -qm date --allow-empty CHANGELOG.md

release "$trash/one" || fail "it ends with $?"
release "$trash/two"
diff -r one two >diff.log || fail "two releases differ"
(cd one && sha256sum --quiet -c SHA256SUMS)
expect_line '^### Added$' one/NOTES.md
expect_no_line '^## ' one/NOTES.md
tar -xzf "one/nnmpi-$version.tar.gz"
expect_same "nnmpi-$version/CMakeLists.txt" clone/CMakeLists.txt

refused 'CITATION.cff: no line' include/nnmpi/version.h "s/\"$version\"/\"$version-rc1\"/;s/-rc1/9/"
refused 'is not MAJOR.MINOR.PATCH' include/nnmpi/version.h "s/\"$version\"/\"1.0\"/"
refused 'has no date' CHANGELOG.md 's/ - 2026-01-31/ - unreleased/'
sed -i 's/ - 2026-01-31/ - unreleased/' clone/CHANGELOG.md
git -C clone commit -qm undated CHANGELOG.md
mkdir mine && touch mine/thesis.txt
expect_code 1 release --draft "$trash/mine"
expect_line 'holds other files, such as thesis.txt' err
[ -e mine/thesis.txt ] || fail 'it deletes what it has not made'
release --draft "$trash/one" || fail "a draft wants no date"
