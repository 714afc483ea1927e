#!/usr/bin/env python3
"""Makes nnmpi/_cffi.py, what Python knows of the C interface, from the public headers.

    declarations.py INCLUDE_FOLDER OUTPUT

No compiler takes part: the headers' few preprocessor lines are followed here, and cffi reads what is left (its
out-of-line ABI mode).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# What cffi does not know of C's and Linux's own headers.
PRELUDE = """
typedef int sig_atomic_t;
typedef struct { void *ss_sp; int ss_flags; size_t ss_size; } stack_t;
int sigaltstack(const stack_t *stack, stack_t *before);
"""


class Headers:
    """A C preprocessor as far as nnmpi's headers need one."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.macros: dict[str, tuple[list[str] | None, str]] = {}  # name -> parameters, body
        self.seen: set[str] = set()

    def read(self, name: str) -> str:
        """The declarations of <nnmpi/name> and what it includes, once each."""
        if name in self.seen:
            return ""
        self.seen.add(name)
        text = (self.folder / "nnmpi" / name).read_text(encoding="utf-8")
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S).replace("\\\n", " ")
        out: list[str] = []
        plain: list[str] = []
        taken = [True]  # whether the branches of the #if around this line are taken
        for line in [*text.splitlines(), "#"]:
            if not line.lstrip().startswith("#"):
                if all(taken):
                    plain.append(line)
                continue
            out.append(self.expand("\n".join(plain)))
            plain.clear()
            word, rest = re.match(r"\s*#\s*(\w*)\s*(.*)", line).groups()
            out.append(self.directive(word, rest.strip(), taken))
        return "\n".join(out)

    def directive(self, word: str, rest: str, taken: list[bool]) -> str:
        """Follows one line of the preprocessor; what it includes or defines, as cffi wants it."""
        if word in ("if", "ifdef", "ifndef"):
            # What only some compilers have (#if defined(__GNUC__)) is not for cffi.
            taken.append(word != "if" and (rest in self.macros) == (word == "ifdef"))
        elif word == "else":
            taken[-1] = not taken[-1]
        elif word == "endif":
            taken.pop()
        elif not all(taken):
            pass
        elif word == "include" and (ours := re.match(r"<nnmpi/(\w+\.h)>", rest)):
            return self.read(ours[1])
        elif word == "undef":
            self.macros.pop(rest, None)
        elif word == "define":
            name, parameters, body = re.match(r"(\w+)(\([^)]*\))?\s*(.*)", rest).groups()
            listed = None if parameters is None else re.findall(r"\w+|\.\.\.", parameters)
            self.macros[name] = listed, body
            if listed is None and re.fullmatch(r"-?\d+|0x[\da-fA-F]+", body):
                return f"#define {name} {body}"
        return ""

    def expand(self, text: str) -> str:
        """Replaces macros until none is left."""
        for _ in range(20):
            before = text
            for name, (parameters, body) in self.macros.items():
                if parameters is None:
                    text = re.sub(rf"\b{name}\b", lambda _, body=body: body, text)
                else:
                    text = self.expand_calls(text, name, parameters, body)
            if text == before:
                return text
        raise ValueError(f"macros that do not end: {text[:200]}")

    @staticmethod
    def expand_calls(text: str, name: str, parameters: list[str], body: str) -> str:
        """Replaces the uses of a macro with parameters; arguments hold no parentheses."""

        def call(match: re.Match) -> str:
            values = [value.strip() for value in match[1].split(",", max(len(parameters) - 1, 0))]
            by_name = dict(zip(parameters, values))
            return re.sub(r"\w+", lambda word: by_name.get(word[0], word[0]), body)

        return re.sub(rf"\b{name}\s*\(([^()]*)\)", call, text)


def declarations(include: Path) -> str:
    """What <nnmpi/nnmpi.h> declares, as text that cffi parses."""
    headers = Headers(include)
    text = PRELUDE + headers.read("nnmpi.h")
    return re.sub(r"\n\s*\n+", "\n", text)


def write_module(include: Path, output: Path) -> None:
    """Writes the module `ffi` comes from."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(declarations(include))
    ffi.set_source("nnmpi._cffi", None)
    output.parent.mkdir(parents=True, exist_ok=True)
    ffi.emit_python_code(str(output))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write_module(Path(sys.argv[1]), Path(sys.argv[2]))
