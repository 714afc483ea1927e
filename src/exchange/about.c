#include "exchange/about.h"

#include "base/text.h"
#include "data/classes.h"
#include "io/yaml/yaml.h"

#include <nnmpi/version.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FORMAT 1

/* nn_data_traits as YAML has them. */
typedef struct traits {
    const nn_node *shape, *class_names, *feature_names, *categories, *category_counts;
    const nn_node *scale, *offset, *mean, *std;
    bool labels;
    int64_t target_width, classes, first_label;
} traits;

static const nn_option traits_options[] = {
    {"shape", NN_OPT_NODE, offsetof(traits, shape), NULL, NULL, "of a sample"},
    {"labels", NN_OPT_BOOL, offsetof(traits, labels), NULL, NULL, "targets are classes"},
    {"target_width", NN_OPT_INT, offsetof(traits, target_width), NULL, "[0, 2147483647]",
     "numbers of y a sample"},
    {"classes", NN_OPT_INT, offsetof(traits, classes), "0", "[0, 4194304]", "0: no labels"},
    {"class_names", NN_OPT_NODE, offsetof(traits, class_names), "", NULL, "of all classes"},
    {"first_label", NN_OPT_INT, offsetof(traits, first_label), "0", "[0, 1e9]", "of class 0"},
    {"feature_names", NN_OPT_NODE, offsetof(traits, feature_names), "", NULL, "of the columns"},
    {"categories", NN_OPT_NODE, offsetof(traits, categories), "", NULL,
     "whose numbers columns hold, of one column after the other"},
    {"category_counts", NN_OPT_NODE, offsetof(traits, category_counts), "", NULL, "of each column"},
    {"scale", NN_OPT_NODE, offsetof(traits, scale), "", NULL, "x scale + offset is a float"},
    {"offset", NN_OPT_NODE, offsetof(traits, offset), "", NULL, "see scale"},
    {"mean", NN_OPT_NODE, offsetof(traits, mean), "", NULL, "(float - mean) / std goes in"},
    {"std", NN_OPT_NODE, offsetof(traits, std), "", NULL, "see mean"},
    NN_OPTION_END,
};

typedef struct about {
    int64_t format;
    const char *nnmpi;
    nn_node *config, *data;
} about;

static const nn_option about_options[] = {
    {"format", NN_OPT_INT, offsetof(about, format), NULL, "[1, 1]", "version of this text"},
    {"nnmpi", NN_OPT_STRING, offsetof(about, nnmpi), "", NULL, "version of the program"},
    {"config", NN_OPT_NODE, offsetof(about, config), NULL, NULL, "the configuration"},
    {"data", NN_OPT_NODE, offsetof(about, data), NULL, NULL, "what data look like"},
    NN_OPTION_END,
};

/* ---- writing --------------------------------------------------------------------------------- */

static int add_count(nn_node *parent, const char *key, int64_t value) {
    return nn_node_add_text(parent, key, nn_pool_printf(parent->pool, "%" PRId64, value));
}

static int add_reals(nn_node *parent, const char *key, size_t count, const double *value) {
    nn_node *list = nn_node_list(parent->pool);
    char text[NN_TEXT_REAL];
    if (!list)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++) {
        nn_text_from_real(text, value[i]);
        NN_TRY(nn_node_add_text(list, NULL, text));
    }
    return count ? nn_node_add(parent, key, list) : 0;
}

static int add_names(nn_node *parent, const char *key, size_t count, const char *const *name) {
    nn_node *list = nn_node_list(parent->pool);
    if (!list)
        return NN_EMEMORY;
    for (size_t i = 0; name && i < count; i++)
        NN_TRY(nn_node_add_quoted(list, NULL, name[i]));
    return name && count ? nn_node_add(parent, key, list) : 0;
}

static int add_traits(nn_node *map, const nn_data_traits *data) {
    nn_node *shape = nn_node_list(map->pool);
    if (!shape)
        return NN_EMEMORY;
    for (int i = 0; i < data->x.rank; i++)
        NN_TRY(add_count(shape, NULL, data->x.dim[i]));
    NN_TRY(nn_node_add(map, "shape", shape));
    NN_TRY(nn_node_add_text(map, "labels", data->labels ? "true" : "false"));
    NN_TRY(add_count(map, "target_width", (int64_t)data->target_width));
    NN_TRY(add_count(map, "classes", data->classes));
    NN_TRY(add_names(map, "class_names", (size_t)data->classes, data->class_names));
    NN_TRY(add_count(map, "first_label", data->first_label));
    NN_TRY(add_names(map, "feature_names", data->features, data->feature_names));
    NN_TRY(add_names(map, "categories", nn_categories_names(&data->categories),
                     data->categories.name));
    NN_TRY(add_reals(map, "category_counts", data->categories.columns, data->categories.count));
    NN_TRY(add_reals(map, "scale", data->affine.count, data->affine.scale));
    NN_TRY(add_reals(map, "offset", data->affine.count, data->affine.offset));
    NN_TRY(add_reals(map, "mean", data->normal.count, data->normal.mean));
    return add_reals(map, "std", data->normal.count, data->normal.std);
}

int nn_about_write(nn_portable *p, char **text) {
    nn_node *root = nn_node_map(&p->pool), *data = nn_node_map(&p->pool);
    if (!root || !data)
        return NN_EMEMORY;
    NN_TRY(add_count(root, "format", FORMAT));
    NN_TRY(nn_node_add_quoted(root, "nnmpi", NNMPI_VERSION));
    NN_TRY(nn_node_add(root, "config", nn_config_settings(p->config)->root));
    NN_TRY(add_traits(data, &p->data));
    NN_TRY(nn_node_add(root, "data", data));
    return nn_yaml_emit(&p->pool, root, text);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_shape(const nn_node *list, nn_shape *shape) {
    char text[NN_SHAPE_TEXT];
    bool possible = list->kind == NN_NODE_LIST && list->count > 0 && list->count <= NN_MAX_RANK;
    shape->rank = possible ? (int)list->count : 0;
    for (int i = 0; i < shape->rank && possible; i++)
        possible = nn_text_to_int(list->item[i]->text, &shape->dim[i]) && shape->dim[i] > 0;
    if (!possible || !nn_shape_fits(shape, 1))
        return nn_node_fail(list,
                            "the shape of a sample is a list of 1 to %d numbers from 1, not %s",
                            NN_MAX_RANK, nn_shape_text(shape, text));
    return 0;
}

static int read_reals(nn_pool *pool, const nn_node *list, size_t count, const double **out) {
    double *value = nn_pool_alloc(pool, count * sizeof *value + 1);
    *out = value;
    for (size_t i = 0; value && i < count; i++)
        if (list->item[i]->kind != NN_NODE_SCALAR ||
            !nn_text_to_real(list->item[i]->text, &value[i]) || !isfinite(value[i]))
            return nn_node_fail(list->item[i], "a number should stand here");
    return value ? 0 : NN_EMEMORY;
}

/* Two lists of as many numbers, which fit the shape of samples; none where both are absent. */
static int read_pair(nn_portable *p, const nn_node *a, const nn_node *b, size_t *count,
                     const double **first, const double **second) {
    if (!a && !b)
        return 0;
    if (!a || !b || a->kind != NN_NODE_LIST || b->kind != NN_NODE_LIST || a->count != b->count ||
        a->count == 0 || !nn_affine_fits(a->count, &p->data.x))
        return nn_node_fail(a ? a : b,
                            "scale and offset, as mean and std, are lists of one number, "
                            "one a channel or one an element");
    *count = a->count;
    NN_TRY(read_reals(&p->pool, a, *count, first));
    return read_reals(&p->pool, b, *count, second);
}

static int read_names(nn_pool *pool, const nn_node *list, size_t count, const char ***out) {
    if (!list)
        return 0;
    if (list->kind != NN_NODE_LIST || list->count != count)
        return nn_node_fail(list, "a list of %zu names should stand here", count);
    *out = nn_pool_alloc(pool, count * sizeof **out + 1);
    if (!*out)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++)
        (*out)[i] = list->item[i]->text;
    return 0;
}

static int read_categories(nn_portable *p, const nn_node *names, const nn_node *counts) {
    nn_data_traits *data = &p->data;
    const double *count;
    const char **name = NULL;
    double sum = 0;
    if (!names && !counts)
        return 0;
    if (!names || !counts || counts->kind != NN_NODE_LIST || counts->count != data->features)
        return nn_node_fail(names ? names : counts,
                            "categories and category_counts, a number for each of the %zu columns, "
                            "stand together",
                            data->features);
    NN_TRY(read_reals(&p->pool, counts, counts->count, &count));
    for (size_t i = 0; i < counts->count; i++)
        sum += count[i] >= 0 && count[i] == floor(count[i]) ? count[i] : NAN;
    if (!(sum < (double)SIZE_MAX / 2))
        return nn_node_fail(counts, "counts are whole numbers from 0");
    NN_TRY(read_names(&p->pool, names, (size_t)sum, &name));
    data->categories = (nn_categories){data->features, count, name};
    return 0;
}

static int read_traits(nn_portable *p, nn_node *map) {
    nn_data_traits *data = &p->data;
    traits t = {0};
    if (map->kind != NN_NODE_MAP)
        return nn_node_fail(map, "data is a map");
    NN_TRY(nn_options_bind(&(nn_binding){traits_options, &t}, 1, map, "data", NULL));
    NN_TRY(read_shape(t.shape, &data->x));
    if (t.labels && t.target_width == 0)
        return nn_node_fail(map, "labels want a target_width of 1 or more");
    data->labels = t.labels;
    data->target_width = (size_t)t.target_width;
    data->classes = t.classes;
    data->first_label = t.first_label;
    data->features = t.feature_names ? t.feature_names->count : 0;
    NN_TRY(read_names(&p->pool, t.class_names, (size_t)t.classes, &data->class_names));
    NN_TRY(read_names(&p->pool, t.feature_names, data->features, &data->feature_names));
    NN_TRY(read_categories(p, t.categories, t.category_counts));
    NN_TRY(read_pair(p, t.scale, t.offset, &data->affine.count, &data->affine.scale,
                     &data->affine.offset));
    NN_TRY(read_pair(p, t.mean, t.std, &data->normal.count, &data->normal.mean, &data->normal.std));
    for (size_t i = 0; i < data->normal.count; i++)
        if (!(data->normal.std[i] > 0))
            return nn_node_fail(t.std, "deviations should be above 0");
    return 0;
}

static int read_about(nn_portable *p, const char *file, const char *text) {
    const char *place = nn_pool_printf(&p->pool, "%s (about the model)", file);
    about a = {0};
    nn_node *root;
    char *config;
    if (!place)
        return NN_EMEMORY;
    NN_TRY(nn_yaml_parse(&p->pool, place, text, strlen(text), &root));
    if (root->kind != NN_NODE_MAP)
        return nn_node_fail(root, "what nnmpi says of a model is a map");
    NN_TRY(nn_options_bind(&(nn_binding){about_options, &a}, 1, root, "the text", NULL));
    NN_TRY(read_traits(p, a.data));
    NN_TRY(nn_yaml_emit(&p->pool, a.config, &config));
    return nn_portable_build(p, place, config);
}

/* What is wrong in it is wrong in the file, not in what the user says. */
int nn_about_read(nn_portable *p, const char *file, const char *text) {
    int rc = read_about(p, file, text);
    return rc == NN_EUSAGE ? NN_EFORMAT : rc;
}
