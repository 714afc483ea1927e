-- Module of an installed nnmpi, for Lmod: the prefix is that of the folder share/nnmpi/modulefiles/nnmpi
-- in which `cmake --install` puts this file, wherever that was moved. Administrators add
-- PREFIX/share/nnmpi/modulefiles to MODULEPATH, or link this file into a folder that is there.
local version = myModuleVersion()
local folder = myFileName():match("^(.*)/[^/]*$")
local prefix = folder:gsub("/share/nnmpi/modulefiles/nnmpi$", "")

help("nnmpi " .. version .. [[: data-parallel training of neural networks on CPU clusters.
Begin with `nnmpi help`. Load the MPI and the BLAS that it was built with, too (`nnmpi --version -v`).]])
whatis("Name: nnmpi")
whatis("Version: " .. version)
whatis("Description: data-parallel training of neural networks on CPU clusters")

prepend_path("PATH", pathJoin(prefix, "bin"))
prepend_path("MANPATH", pathJoin(prefix, "share/man"))
prepend_path("CMAKE_PREFIX_PATH", prefix)
prepend_path("PKG_CONFIG_PATH", pathJoin(prefix, "@CMAKE_INSTALL_LIBDIR@/pkgconfig"))
prepend_path("PYTHONPATH", pathJoin(prefix, "@NNMPI_PYTHON_FOLDER@"))
setenv("NNMPI_HOME", prefix)
