-- Module of an installed nnmpi, for Lmod: the prefix is that of the folder share/nnmpi/modulefiles/nnmpi
-- in which `cmake --install` puts this file, wherever that was moved. Administrators add
-- PREFIX/share/nnmpi/modulefiles to MODULEPATH, or copy this file into a folder that is there and set prefix in it.
local version = myModuleVersion()
local prefix = myFileName():match("^(.*)/@share_folder@/modulefiles/nnmpi/[^/]*$")
if not prefix then
    LmodError(myFileName() .. " is not in PREFIX/@share_folder@/modulefiles/nnmpi: copy it and set prefix in it; "
        .. "a link does not lead to nnmpi")
end

help("nnmpi " .. version .. [[: data-parallel training of neural networks on CPU clusters.
Begin with `nnmpi help`. Load the MPI and the BLAS that it was built with, too (`nnmpi --version -v`).]])
whatis("Name: nnmpi")
whatis("Version: " .. version)
whatis("Description: data-parallel training of neural networks on CPU clusters")

prepend_path("PATH", pathJoin(prefix, "bin"))
prepend_path("MANPATH", pathJoin(prefix, "share/man"))
prepend_path("CMAKE_PREFIX_PATH", prefix)
prepend_path("PKG_CONFIG_PATH", pathJoin(prefix, "@CMAKE_INSTALL_LIBDIR@/pkgconfig"))
local python = pathJoin(prefix, "@NNMPI_PYTHON_FOLDER@")
if isDir(pathJoin(python, "nnmpi")) then
    prepend_path("PYTHONPATH", python)
end
