/* Pictures of a model of images: the weights of its first layer, and what layers make of a sample.
 */
#include "train/figures/inner.h"
#include "train/filters.h"

#include <string.h>

#define MOST_LAYERS 10
#define MOST_MAPS 32 /* of a layer, the first ones */

/* A picture with a name; pixels [H][W][C]. */
static int set_picture(nn_plot *plot, nn_figure *figure, size_t i, const char *name,
                       const nn_shape *image, const unsigned char *pixels) {
    figure->row[i] = name;
    figure->cell[2 * i] = name;
    figure->cell[2 * i + 1] = pixels ? nn_plot_picture(plot, image, pixels) : NULL;
    return name && figure->cell[2 * i + 1] ? 0 : NN_EMEMORY;
}

static int begin_pictures(nn_plot *plot, nn_figure *figure, size_t count) {
    if (!figure || nn_figure_table(plot, figure, count, 2) < 0)
        return NN_EMEMORY;
    figure->column[0] = "name";
    figure->column[1] = "picture";
    return 0;
}

int figures_of_filters(const figures *f) {
    nn_plot *plot = f->plot;
    nn_filters filters;
    if (!nn_filters_find(f->session->model, &filters))
        return 0;
    nn_shape image = {3,
                      {(int64_t)filters.height, (int64_t)filters.width, (int64_t)filters.channels}};
    size_t size = nn_shape_count(&image);
    unsigned char *pixels = nn_pool_alloc(plot->pool, filters.tiles * size);
    nn_figure *figure = figures_add(f, NN_FIGURE_IMAGES, "filters", "Weights of the first layer",
                                    "What each of its units or filters looks for in an image: grey "
                                    "is 0, white positive, black negative.");
    if (!pixels)
        return NN_EMEMORY;
    NN_TRY(begin_pictures(plot, figure, filters.tiles));
    NN_TRY(nn_filters_draw(&filters, nn_session_model_params(f->session), pixels));
    for (size_t i = 0; i < filters.tiles; i++)
        NN_TRY(set_picture(plot, figure, i, nn_pool_printf(plot->pool, "%zu", i), &image,
                           pixels + i * size));
    return 0;
}

/* ---- feature maps -----------------------------------------------------------------------------
 */

typedef struct maps {
    const figures *f;
    int64_t samples;
    nn_real *x;    /* of the sample; NULL: it has not come yet */
    size_t layers; /* that were drawn */
    int rc;
} maps;

static int find_sample(void *ctx, const nn_session *session, const char *split,
                       const nn_batch *batch, const nn_real *z) {
    maps *m = ctx;
    nn_shape input = nn_model_input_shape(session->model);
    size_t count = nn_shape_count(&input);
    (void)split;
    (void)z;
    m->samples += batch->global;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->sample[i] == m->f->wanted->sample) {
            m->x = nn_pool_alloc(m->f->plot->pool, count * sizeof *m->x);
            if (!m->x)
                return NN_EMEMORY;
            memcpy(m->x, batch->x + i * count, count * sizeof *m->x);
        }
    return 0;
}

/* Channels of a layer [C, H, W], whose values stand as [H][W][C], on one scale. */
static int draw_maps(maps *m, const nn_layer *layer, const nn_real *values) {
    nn_plot *plot = m->f->plot;
    nn_shape image = nn_image_in_memory(&layer->out);
    size_t channels = (size_t)image.dim[2], plane = (size_t)(image.dim[0] * image.dim[1]);
    size_t count = channels < MOST_MAPS ? channels : MOST_MAPS;
    image.dim[2] = 1;
    const char *title = nn_pool_printf(plot->pool, "Feature maps of %s", layer->name);
    const char *about = nn_pool_printf(
        plot->pool,
        "What the layer makes of sample %lld, a picture for each channel%s; black is the "
        "least of its values, white the largest.",
        (long long)m->f->wanted->sample, channels > count ? ", the first ones" : "");
    const char *id = nn_plot_id(plot, "maps", layer->name);
    unsigned char *all = figures_pixels(plot, channels * plane, values);
    unsigned char *pixels = nn_pool_alloc(plot->pool, plane);
    if (!title || !about || !id || !all || !pixels)
        return NN_EMEMORY;
    nn_figure *figure = figures_add(m->f, NN_FIGURE_IMAGES, id, title, about);
    NN_TRY(begin_pictures(plot, figure, count));
    for (size_t c = 0; c < count; c++) {
        for (size_t i = 0; i < plane; i++)
            pixels[i] = all[i * channels + c];
        NN_TRY(set_picture(plot, figure, c, nn_pool_printf(plot->pool, "%zu", c), &image, pixels));
    }
    return 0;
}

/* The input too, where it is an image. */
static void look(void *ctx, const nn_layer *layer, nn_moment moment, const nn_pass *pass,
                 const nn_real *values) {
    maps *m = ctx;
    const nn_shape *out = &layer->out;
    bool image = out->rank == 3 && out->dim[1] * out->dim[2] > 1;
    (void)pass;
    if (moment != NN_AFTER_FORWARD || m->rc < 0 || m->layers == MOST_LAYERS ||
        !(image || (nn_layer_is_input(layer) && out->rank == 2)))
        return;
    m->layers++;
    m->rc = draw_maps(m, layer, values);
}

/* A feature map is the output of a layer after the input that is an image. */
static bool has_maps(const nn_model *model) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer);
    for (size_t i = 1; i < layers; i++)
        if (layer[i]->out.rank == 3)
            return true;
    return false;
}

int figures_of_maps(const figures *f) {
    maps m = {.f = f};
    if (f->wanted->sample < 0)
        return 0;
    if (!has_maps(f->session->model))
        return nn_fail(NN_EUSAGE, "--sample: no layer of the model makes an image [C, H, W], as "
                                  "convolutions do, so there are no feature maps to draw");
    NN_TRY(nn_probe_rows(f->probe, f->wanted->sample + 1, find_sample, &m));
    if (!m.x)
        return nn_fail(NN_EUSAGE,
                       "--sample %lld: the split has samples 0 to %lld; it is that of `nnmpi eval`",
                       (long long)f->wanted->sample, (long long)m.samples - 1);
    nn_pass pass = {.batch = 1, .watch = look, .watch_ctx = &m};
    nn_model_forward(f->session->model, &pass, m.x);
    return m.rc;
}
