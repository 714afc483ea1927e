/* Data sets that are written to a temporary file first, which has no name any more when it is in
 * use. */
#include "data/sources/sources.h"
#include "data/split.h"
#include "io/files/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Divided as data.split says. */
static int write_divided(nn_dataset *ds, nn_write_fn *write, const void *ctx, const char *file) {
    NN_TRY(write(ctx, file));
    if (!ds->division)
        return NN_OK;
    ds->division->name = ds->path;
    ds->divided = true;
    return nn_data_split(file, ds->division, file);
}

static int write_in(nn_dataset *ds, nn_write_fn *write, const void *ctx, const char *folder) {
    const char *file = nn_pool_printf(&ds->pool, "%s/data.h5", folder);
    int rc;

    if (!file)
        return NN_EMEMORY;
    nn_temporary_note(file);
    rc = write_divided(ds, write, ctx, file);
    if (rc >= 0)
        rc = nn_hdf5_attach(ds, file, 0);
    nn_temporary_discard(file);
    return rc;
}

/* A private folder, so that temporary names do not clash with another rank's. */
int nn_temporary_attach(nn_dataset *ds, nn_write_fn *write, const void *ctx) {
    const char *base = getenv("TMPDIR");
    char *folder = nn_pool_printf(&ds->pool, "%s/nnmpi-XXXXXX", base && *base ? base : "/tmp");
    int rc;

    if (!folder)
        return NN_EMEMORY;
    if (!mkdtemp(folder))
        return nn_fail(NN_EIO, "%s: no temporary folder can be made: %s", folder, strerror(errno));
    nn_temporary_note(folder);
    rc = write_in(ds, write, ctx, folder);
    rmdir(folder);
    nn_temporary_forget(folder);
    return rc;
}
