#!/usr/bin/env python3
# What programs that are linked with the shared library rely on, a line for each thing, sorted: functions as
# the public headers declare them, values of enums, sizes of structs and where their members lie.
#   abi.py LIBRARY [CC]      prints it; exit status 1 where declared and exported functions are not the same
import pathlib, re, subprocess, sys, tempfile

library, cc = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "cc"
include = pathlib.Path(__file__).resolve().parent.parent / "include"
headers = sorted(path.name for path in (include / "nnmpi").glob("*.h") if path.name != "mpi.h")
source = "".join(f"#include <nnmpi/{name}>\n" for name in headers)


def run(*command, text=None):
    return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout


def own_text():
    """What the preprocessor leaves of nnmpi's headers, without those of the system."""
    lines, own = [], False
    for line in run(cc, "-std=c11", "-E", "-xc", "-I", include, "-", text=source).splitlines():
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            own = "/nnmpi/" in marker[1]
        elif own:
            lines.append(line)
    return re.sub(r"\s+", " ", " ".join(lines))


text = own_text()
api = '__attribute__((visibility("default")))'
functions = {}
for declaration in re.findall(re.escape(api) + r"\s*([^;]*);", text):
    functions[re.search(r"(\w+)\s*\(", declaration)[1]] = declaration.strip()
if "mpi.h" in {path.name for path in (include / "nnmpi").glob("*.h")}:  # wants MPI's own header
    for declaration in re.findall(r"NN_API ([^;]*);", (include / "nnmpi" / "mpi.h").read_text()):
        functions[re.search(r"(\w+)\s*\(", declaration)[1]] = declaration


def members(body):
    """Names of a struct's members."""
    for declaration in filter(None, (part.strip() for part in body.split(";"))):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
        if pointer:
            yield pointer[1]
        else:
            yield from (re.search(r"(\w+)\s*(?:\[[^]]*\]\s*)*$", part)[1] for part in declaration.split(","))


def program():
    """A C program that prints the numbers."""
    out = [source, "#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n"]
    for body, name in re.findall(r"typedef struct \w+ \{([^}]*)\} (\w+);", text):
        out.append(f'printf("struct {name}: %zu bytes\\n", sizeof({name}));\n')
        for member in members(body):
            out.append(f'printf("struct {name}.{member}: %zu bytes at %zu\\n", '
                       f"sizeof((({name} *)0)->{member}), offsetof({name}, {member}));\n")
    for body in re.findall(r"enum(?: \w+)? \{([^}]*)\}", text):
        for name in re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip()):
            out.append(f'printf("enum {name} = %d\\n", (int){name});\n')
    return "".join(out) + "return 0;\n}\n"


with tempfile.TemporaryDirectory() as folder:
    run(cc, "-xc", "-I", include, "-", "-o", f"{folder}/layout", text=program())
    numbers = run(f"{folder}/layout").splitlines()

print("\n".join(sorted([f"function {text}" for text in functions.values()] + numbers)))
exported = {line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()}
for name in sorted(exported - functions.keys()):
    print(f"{library} exports {name}, which no public header declares with NN_API", file=sys.stderr)
for name in sorted(functions.keys() - exported):
    print(f"{library} lacks {name}, which a public header declares", file=sys.stderr)
sys.exit(exported != functions.keys())
