# Copyright The nnmpi authors. SPDX-License-Identifier: BSD-3-Clause

import os

from spack.package import *


class Nnmpi(CMakePackage):
    """Data-parallel training of neural networks on CPU clusters."""

    # The archive that scripts/release.sh makes has to be in the folder in which spack is called.
    url = f"file://{os.getcwd()}/nnmpi-0.1.0.tar.gz"

    license("BSD-3-Clause AND MIT")

    version("0.1.0")

    variant("blis", default=False, description="Products by BLIS instead of OpenBLAS")
    variant("onednn", default=True, when="target=x86_64:", description="Products also by oneDNN")
    variant("images", default=True, description="Read PNG and JPEG")
    variant("fortran", default=True, description="The Fortran interface")
    variant("python", default=False, description="The Python interface")

    conflicts("%gcc@:11", msg="nnmpi needs gcc 12 or newer")
    conflicts("%clang@:13", msg="nnmpi needs clang 14 or newer")

    depends_on("c", type="build")
    depends_on("cxx", type="test")
    depends_on("fortran", when="+fortran", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    depends_on("openblas threads=openmp", when="~blis")
    depends_on("blis threads=openmp +cblas", when="+blis")
    depends_on("hdf5@1.10:")
    depends_on("libyaml")
    depends_on("zlib-api")
    depends_on("openssl")
    depends_on("libcsv")
    depends_on("onednn cpu_runtime=omp", when="+onednn")
    depends_on("libpng", when="+images")
    depends_on("jpeg", when="+images")
    with when("+python"):
        extends("python")
        depends_on("py-cffi", type=("build", "run"))
        depends_on("py-numpy", type=("build", "run"))

    generator("ninja")

    def cmake_args(self):
        args = [
            self.define("NNMPI_TESTS", self.run_tests),
            self.define_from_variant("NNMPI_IMAGES", "images"),
            self.define_from_variant("NNMPI_FORTRAN", "fortran"),
            self.define_from_variant("NNMPI_PYTHON", "python"),
            self.define("NNMPI_ONEDNN", self.spec.satisfies("+onednn")),
            self.define("MPI_C_COMPILER", self.spec["mpi"].mpicc),
        ]
        if self.spec.satisfies("+python"):
            args.append(self.define("NN_PYTHON3", self.spec["python"].command.path))
        if self.spec.satisfies("+blis"):
            args.append(self.define("BLA_VENDOR", "FLAME"))
        return args

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_version(self):
        Executable(self.prefix.bin.nnmpi)("--version", "-v")
