/* What `nnmpi data make` makes, without a file to keep. */
#include "data/sources/make.h"
#include "data/sources/sources.h"

#include <stddef.h>
#include <string.h>

struct synthetic {
    nn_node *generator;
    nn_make_options common;
};

#define AT(member) offsetof(struct synthetic, member)

static const nn_option synthetic_table[] = {
    {"generator", NN_OPT_NODE, AT(generator), NULL, NULL,
     "what makes the samples, a name or {name: {options}}"},
    {"samples", NN_OPT_INT, AT(common.samples), "1000", "[1, 1e12]",
     "samples in all splits together"},
    {"seed", NN_OPT_INT, AT(common.seed), "1", "[0, inf)", "seed of the random numbers"},
    {"valid", NN_OPT_REAL, AT(common.valid), "0", "[0, 1)",
     "fraction of the samples that goes to valid"},
    {"test", NN_OPT_REAL, AT(common.test), "0", "[0, 1)",
     "fraction of the samples that goes to test"},
    NN_OPTION_END,
};

/* A generator on its way to a file. */
struct making {
    const nn_generator_ops *generator;
    const void *options;
    const nn_make_options *common;
};

static int make(const void *ctx, const char *file) {
    const struct making *m = ctx;
    return nn_make(m->generator, m->options, m->common, file);
}

static int synthetic_open(nn_dataset *ds, const void *options) {
    const struct synthetic *o = options;
    const nn_entry *row;
    nn_node *map;
    void *own;

    NN_TRY(nn_family_pick(&nn_generators, o->generator, &row, &map));
    own = nn_pool_alloc(&ds->pool, row->size ? row->size : 1);
    ds->path = nn_pool_strdup(&ds->pool, row->name);
    if (!own || !ds->path)
        return NN_EMEMORY;
    NN_TRY(nn_options_bind(&(nn_binding){row->options, own}, 1, map, row->name, NULL));
    return nn_temporary_attach(
        ds, make, &(struct making){(const nn_generator_ops *)(const void *)row, own, &o->common});
}

const nn_source_ops nn_source_synthetic = {
    .entry = {"synthetic", "Samples of a generator, the same as `nnmpi data make` writes.",
              synthetic_table, sizeof(struct synthetic)},
    .open = synthetic_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
    .converts = true,
};
