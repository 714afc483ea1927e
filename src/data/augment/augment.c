#include "data/augment/augment.h"

#include "math/parallel.h"

#include <string.h>

#define SAMPLES_GRAIN 16 /* samples worth a thread */

static int parse_one(nn_node *item, const nn_shape *x, nn_pool *pool, nn_augment *out) {
    const nn_entry *row;
    nn_node *map;
    char what[64], shape[NN_SHAPE_TEXT];
    nn_shape given = nn_channels_first(*x); /* as the user sees it */

    NN_TRY(nn_family_pick(&nn_augmentations, item, &row, &map));
    const nn_augment_ops *ops = (const nn_augment_ops *)(const void *)row;
    if (ops->move && x->rank != 2 && x->rank != 3)
        return nn_node_fail(item,
                            "augmentation '%s' moves pixels of images [H, W] or [C, H, W], but a "
                            "row of x is %s",
                            row->name, nn_shape_text(&given, shape));
    void *options = nn_pool_alloc(pool, row->size);
    if (!options)
        return NN_EMEMORY;
    snprintf(what, sizeof what, "augmentation '%s'", row->name);
    NN_TRY(nn_options_bind(&(nn_binding){row->options, options}, 1, map, what, NULL));
    out->step[out->count].ops = ops;
    out->step[out->count++].options = options;
    out->moves = out->moves || ops->move;
    return NN_OK;
}

int nn_augment_parse(nn_node *list, const nn_shape *x, nn_pool *pool, nn_augment *out) {
    *out = (nn_augment){0};
    if (!list || nn_node_is_null(list))
        return NN_OK;
    if (list->kind != NN_NODE_LIST)
        return nn_node_fail(list, "augment is a list, e.g. [shift: {pixels: 2}, flip]");
    if (list->count > NN_MAX_AUGMENTS)
        return nn_node_fail(list, "%zu augmentations, but %d are the most", list->count,
                            NN_MAX_AUGMENTS);
    for (size_t i = 0; i < list->count; i++)
        NN_TRY(parse_one(list->item[i], x, pool, out));
    return NN_OK;
}

double nn_augment_draw(const nn_rng *rng, uint64_t element) {
    const uint32_t counter[4] = {(uint32_t)(element / 4), 0, (uint32_t)rng->b,
                                 (uint32_t)(rng->b >> 32)};
    uint32_t out[4];

    nn_philox(counter, rng->key, out); /* only the block that holds this element */
    return (double)out[element % 4] * 0x1p-32;
}

double nn_augment_spread(const nn_rng *rng, uint64_t element, double most) {
    return most * (2 * nn_augment_draw(rng, element) - 1);
}

/* The random numbers of step i for a sample. */
static nn_rng stream_of(const nn_augment_batch *b, size_t i, int64_t sample) {
    return nn_rng_stream(b->seed, NN_RNG_AUGMENT, nn_mix64((uint64_t)b->epoch) + i,
                         (uint64_t)sample);
}

static void move_pixels(const nn_augment_batch *b, int64_t sample, const nn_real *in,
                        nn_real *out) {
    const nn_augment *a = b->augment;
    nn_warp warp = {{{1, 0, 0}, {0, 1, 0}}};

    for (size_t i = 0; i < a->count; i++) {
        nn_rng rng = stream_of(b, i, sample);
        if (a->step[i].ops->move)
            a->step[i].ops->move(a->step[i].options, &rng, b->x.dim[0], b->x.dim[1], &warp);
    }
    nn_warp_image(&warp, &b->x, in, b->fill, out);
}

static void augment_range(void *ctx, size_t begin, size_t end) {
    const nn_augment_batch *b = ctx;
    const nn_augment *a = b->augment;
    size_t width = nn_shape_count(&b->x);

    for (size_t s = begin; s < end; s++) {
        nn_real *out = b->out + s * width;
        if (a->moves)
            move_pixels(b, b->sample[s], b->in + s * width, out);
        for (size_t i = 0; i < a->count; i++) {
            nn_rng rng = stream_of(b, i, b->sample[s]);
            if (a->step[i].ops->change)
                a->step[i].ops->change(a->step[i].options, &rng, width, out);
        }
    }
}

void nn_augment_apply(const nn_augment_batch *batch, size_t count) {
    nn_parallel(batch->compute, count, SAMPLES_GRAIN, augment_range, (void *)batch);
}
