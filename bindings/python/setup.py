"""Builds the package from the folder it is in: besides Python's files it makes nnmpi/_cffi.py from the headers."""

import re
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
sys.path.insert(0, str(HERE))


class build_with_declarations(build_py):  # noqa: N801 (setuptools' spelling)
    """Python's files, and what they know of the C interface."""

    def run(self) -> None:
        """Copies the package and writes _cffi.py beside it."""
        from declarations import write_module

        super().run()
        write_module(INCLUDE, Path(self.build_lib) / "nnmpi" / "_cffi.py")


setup(
    version=re.search(r'NNMPI_VERSION "(.*)"', (INCLUDE / "nnmpi/version.h").read_text())[1],
    cmdclass={"build_py": build_with_declarations},
)
