/* `nnmpi --version`, and with -v what the program is made of and found here. */
#include "cli/cli.h"
#include "comm/comm.h"
#include "data/importers/images/picture.h"
#include "io/hdf5/h5.h"
#include "math/gemm/blas.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "math/parallel.h"

#include <nnmpi/version.h>

#include <stdio.h>

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#elif defined __GNUC__
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static const char *or_none(const char *library, const char *none) {
    return library ? library : none;
}

int nn_version_print(bool verbose) {
    char hdf5[NN_H5_VERSION], products[NN_GEMM_TEXT];
    nn_blas_report blas;

    printf("nnmpi %s\n", nn_version());
    if (!verbose)
        return 0;
    NN_TRY(nn_blas_init(&blas));
    nn_h5_version(hdf5);
    printf("compiler         %s\n", COMPILER);
    printf("MPI              %s\n", nn_comm_library());
#ifdef NN_ONEDNN
    printf("matrix products  %s\n", nn_gemm_name(NULL, products));
#else
    printf("matrix products  %s; no oneDNN\n", nn_gemm_name(NULL, products));
#endif
    printf("HDF5             %s\n", hdf5);
    printf("images           %s, %s\n", or_none(nn_png_library(), "no libpng"),
           or_none(nn_jpeg_library(), "no libjpeg"));
    printf("instruction set  %s\n", nn_kernels_get()->isa);
    printf("threads          up to %d, one a core\n", nn_cores_available());
    return 0;
}
