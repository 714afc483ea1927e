#!/usr/bin/env bash
# The Python package is installed with the library, and by pip without a compiler or a network; both find the
# library, and say what is missing where there is none.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"
[ -d "$BUILD_DIR/python" ] || skip "the Python package is not built: python3 has no cffi or no numpy"
! is_sanitized || skip "python3 is not sanitized"
export PYTHONDONTWRITEBYTECODE=1
unset NNMPI_LIBRARY LD_LIBRARY_PATH PYTHONPATH

cmake --install "$BUILD_DIR" --prefix "$trash/installed" >install.log
package=$(dirname "$(find "$trash/installed" -path '*/nnmpi/_library.py')")
library=$(find "$trash/installed" -name 'libnnmpi.so.0')
fits='import nnmpi, numpy; x = numpy.eye(4); \
m = nnmpi.Sequential([nnmpi.layers.Dense(4)]).compile("sgd", "mse"); m.fit(x, x, verbose=0); print(m.predict(x).shape)'
NNMPI_LIBRARY=$library PYTHONPATH=$(dirname "$package") "$PYTHON3" -c "$fits" >out 2>err
expect_line '^\(4, 4\)$' out
case $library in
"$trash"/installed/lib/libnnmpi.so.0) # beside it; elsewhere (lib64, lib/x86_64-linux-gnu) the loader looks
    PYTHONPATH=$(dirname "$package") "$PYTHON3" -c "$fits" >out 2>err
    expect_line '^\(4, 4\)$' out
    ;;
esac

cp -r "$package" alone
rm -rf alone/__pycache__ && mkdir -p bare && mv alone bare/nnmpi
code=0
NNMPI_LIBRARY=$trash/none.so PYTHONPATH=$trash/bare "$PYTHON3" -c 'import nnmpi' >out 2>err || code=$?
[ "$code" -eq 1 ] || fail "import without a library ends with $code"
expect_line '^ImportError: nnmpi does not find its library \(.*none\.so.*NNMPI_LIBRARY' err

"$PYTHON3" -c 'import pip, setuptools, wheel' 2>/dev/null || {
    printf 'without pip, setuptools and wheel\n'
    exit 0
}
mkdir source && cp -r "$SOURCE_DIR/bindings" "$SOURCE_DIR/include" source
CC=/bin/false "$PYTHON3" -m pip install --no-build-isolation --no-index --no-deps --target site source/bindings/python \
    >pip.log 2>&1 || fail "pip install failed: $(tail pip.log)"
NNMPI_LIBRARY=$library PYTHONPATH=site "$PYTHON3" -c "$fits" >out 2>err
expect_line '^\(4, 4\)$' out
diff -r -x __pycache__ -I _version site/nnmpi "$package" >out || fail "pip installs other files than CMake"
