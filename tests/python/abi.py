"""What Python knows of the C interface is what the C compiler makes of the headers: every function, every
constant, and where every member of a struct stands."""

import os
import re
import subprocess
from pathlib import Path

from nnmpi._library import ffi, lib

include = Path(os.environ["SOURCE_DIR"], "include")
cache = Path(os.environ["BUILD_DIR"], "CMakeCache.txt").read_text()
compiler = re.search(r"^CMAKE_C_COMPILER:\w+=(.*)$", cache, re.M)[1]

headers = [path for path in (include / "nnmpi").glob("*.h") if path.name != "mpi.h"]
declared = {name for path in headers for name in re.findall(r"^NN_API\s[^;(]*?(\w+)\(", path.read_text(), re.M)}
assert len(declared) > 40, declared
for name in declared:
    getattr(lib, name)  # AttributeError where it is not declared here, or the library does not have it

pointers = {name: ffi.typeof(f"{name} *") for name in ffi.list_types()[0]}
types = {name: pointer.item for name, pointer in pointers.items() if pointer.kind == "pointer"}  # no functions
structs = {name: kind for name, kind in types.items() if kind.kind == "struct" and kind.fields}
enums = [kind for kind in types.values() if kind.kind == "enum"]
assert {"nn_array", "nn_train_options", "nn_status"} <= set(structs), structs

wanted = {}
for name, kind in structs.items():
    wanted[f"sizeof({name})"] = ffi.sizeof(kind)
    for field, _ in kind.fields:
        wanted[f"offsetof({name}, {field})"] = ffi.offsetof(kind, field)
        wanted[f"sizeof((({name} *)0)->{field})"] = ffi.sizeof(dict(kind.fields)[field].type)
for kind in enums:
    wanted.update({constant: value for value, constant in kind.elements.items()})

rows = "\n".join(f'    printf("%lld\\n", (long long)({expression}));' for expression in wanted)
Path("abi.c").write_text(
    f"#include <nnmpi/nnmpi.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {{\n{rows}\n}}\n"
)
subprocess.run([compiler, f"-I{include}", "abi.c", "-o", "abi"], check=True)
found = subprocess.run(["./abi"], check=True, capture_output=True, text=True).stdout.split()
for (expression, here), there in zip(wanted.items(), found):
    assert here == int(there), f"{expression} is {here} here and {there} in C"
