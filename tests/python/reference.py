"""docs/python-reference.md is what the docstrings say; every public name has one."""

import os
import subprocess
import sys
from pathlib import Path

source = Path(os.environ["SOURCE_DIR"])
script = source / "scripts/python_reference.py"
made = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
assert made.returncode == 0, made.stderr
here = (source / "docs/python-reference.md").read_text(encoding="utf-8").splitlines()
for number, (line, wanted) in enumerate(zip([*here, None], [*made.stdout.splitlines(), None]), 1):
    assert line == wanted, (
        f"docs/python-reference.md, line {number}: '{line}', but the docstrings say '{wanted}'; write it anew: "
        "PYTHONPATH=build/release/python scripts/python_reference.py >docs/python-reference.md"
    )
