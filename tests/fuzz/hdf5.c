/* Data sets in HDF5: looked through, divided into splits, and their vocabulary taken for a text. */
#include "data/importers/importer.h"
#include "data/info/info.h"
#include "data/sources/open.h"
#include "data/split.h"
#include "data/tokens.h"
#include "io/hdf5/h5.h"
#include "sandbox.h"
#include "target.h"

#include <hdf5.h>

static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const int64_t rows = 8;
    const float x[8] = {0};
    nn_h5 *other = NULL;

    (void)argc;
    (void)argv;
    sandbox_enter();
    nowhere = fopen("/dev/null", "w");
    sandbox_put("other.raw", x, sizeof x);
    sandbox_put("input.txt", "abbac", 5);
    /* what links of the seeds lead to, so that following one succeeds, and is noticed */
    bool made = nowhere && nn_h5_create("other.h5", &other) == 0 &&
                nn_h5_write(other, "/train/x", NN_F32, 1, &rows, 0, 0, x) == 0 &&
                nn_h5_write(other, "/train/y", NN_F32, 1, &rows, 0, 0, x) == 0;
    sandbox_expect(nn_h5_close(other) == 0 && made, "other.h5 can be written");
    return 0;
}

static int open_info(const char *path, nn_info **info) {
    nn_pool pool = {0};
    nn_node *data;
    int rc = nn_dataset_node_all(&pool, path, false, &data);

    if (rc == NN_OK)
        rc = nn_info_new(data, path, info);
    nn_pool_release(&pool);
    return rc;
}

static bool look(const char *path) {
    nn_info *info;

    if (open_info(path, &info) < 0)
        return false;
    nn_info_text(info, nowhere);
    nn_info_json(info, nowhere);
    nn_info_free(info);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const nn_split_options half = {.test = 0.5, .seed = 1};
    const nn_text_options text = {.path = "input.txt",
                                  .tokens = NN_TOKENS_CHARS,
                                  .context = 4,
                                  .vocabulary_file = "input.h5"};

    sandbox_put("input.h5", data, size);
    sandbox_watch(true);
    bool sound = look("input.h5");
    if (nn_data_split("input.h5", &half, "output.h5") == 0)
        sandbox_expect(look("output.h5") || !sound, "what is split stays readable");
    if (nn_importer_text.run(&text, "output.h5") == 0)
        sandbox_expect(look("output.h5"), "an import can be read");
    H5close(); /* as at the end of a process, and so that no input depends on those before it */
    sandbox_watch(false);
    return 0;
}
