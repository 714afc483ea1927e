#include "data/sources/mixture.h"

#include "base/log.h"
#include "base/text.h"
#include "data/sources/open.h"
#include "data/sources/sources.h"
#include "data/tokens.h"
#include "data/values/convert.h"
#include "data/values/layout.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { PATH_TEXT = 160 };

typedef struct mixture_options {
    nn_node *path;
    int64_t context;
} mixture_options;

static const nn_option mixture_table[] = {
    {"path", NN_OPT_NODE, offsetof(mixture_options, path), NULL, NULL,
     "a list of files, each a name or a map of what `data` takes for it: [a.h5, {path: b.h5}]. "
     "With `weight` in all of them training takes samples from each in this proportion, else all "
     "samples once an epoch"},
    {"context", NN_OPT_INT, offsetof(mixture_options, context), "0", "[0, 65536]",
     "tokens of a window of every file, where they have streams of tokens; 0: as each says"},
    NN_OPTION_END,
};

/* ---- the parts ------------------------------------------------------------------------------- */

static int take_weight(const nn_node *node, nn_part *part) {
    double weight;

    if (node->kind == NN_NODE_SCALAR && nn_text_to_real(node->text, &weight) && weight > 0 &&
        isfinite(weight)) {
        part->weight = weight;
        return NN_OK;
    }
    return nn_node_fail(node, "weight is a number above 0, in proportion to those of the other "
                              "files: leave out a file that is not to be used");
}

/* The `data:` map of a part; `weight` is not the source's. */
static int copy_map(nn_dataset *ds, const nn_node *item, nn_part *part, nn_node **out) {
    const nn_node *map = item;

    if (item->kind == NN_NODE_SCALAR && *item->text)
        return nn_dataset_node(&ds->pool, item->text, NULL, out);
    if (item->kind != NN_NODE_MAP || !nn_node_get(item, "path"))
        return nn_node_fail(item, "path is a list of files, and each of them is a name, or a map "
                                  "with one: {path: a.h5, weight: 0.7}");
    *out = nn_node_map(&ds->pool);
    for (size_t i = 0; *out && i < map->count; i++) {
        nn_node *copy = nn_node_copy(&ds->pool, map->item[i]);
        if (strcmp(map->item[i]->key, "weight") == 0)
            NN_TRY(take_weight(map->item[i], part));
        else
            NN_TRY(copy ? nn_node_add(*out, map->item[i]->key, copy) : NN_EMEMORY);
    }
    return *out ? NN_OK : NN_EMEMORY;
}

/* What the whole mixture says of its files, and this one does not by itself. */
static int inherit(nn_dataset *ds, const mixture_options *o, nn_node *map) {
    const nn_data_settings *s = &ds->settings;
    nn_node *split = s->split ? nn_node_copy(&ds->pool, s->split) : NULL;

    if (o->context && !nn_node_get(map, "context"))
        NN_TRY(nn_node_add_text(map, "context", nn_pool_printf(&ds->pool, "%" PRId64, o->context)));
    if (s->first_label && !nn_node_get(map, "first_label"))
        NN_TRY(nn_node_add_text(map, "first_label",
                                nn_pool_printf(&ds->pool, "%" PRId64, s->first_label)));
    if (s->layout != NN_LAYOUT_AUTO && !nn_node_get(map, "layout"))
        NN_TRY(nn_node_add_text(map, "layout", nn_layout_names[s->layout]));
    if (s->other_files && !nn_node_get(map, "other_files"))
        NN_TRY(nn_node_add_text(map, "other_files", "true"));
    if (s->split && !nn_node_get(map, "split"))
        return split ? nn_node_add(map, "split", split) : NN_EMEMORY;
    return NN_OK;
}

/* What is done with the samples is said of the mixture. */
static int refuse_keys(const nn_node *map) {
    static const char *const keys[] = {"augment", "normalize", "memory", "prefetch", "shuffle"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (nn_node_get(map, keys[i]))
            return nn_node_fail(nn_node_get(map, keys[i]),
                                "%s is said of all files together: it stands under data, beside "
                                "path",
                                keys[i]);
    return NN_OK;
}

static int open_part(nn_dataset *ds, const mixture_options *o, const nn_node *item, nn_part *part) {
    nn_node *map = NULL;

    NN_TRY(copy_map(ds, item, part, &map));
    NN_TRY(refuse_keys(map));
    NN_TRY(inherit(ds, o, map));
    NN_TRY(nn_dataset_open(map, NULL, &part->ds));
    if (part->ds->parts)
        return nn_node_fail(item, "a file of a mixture is no mixture itself: write its files here");
    return NN_OK;
}

static int check_weights(const nn_dataset *ds, const nn_node *list) {
    double sum = 0;

    for (size_t k = 0; k < ds->parts; k++) {
        if ((ds->part[k].weight > 0) != (ds->part[0].weight > 0))
            return nn_node_fail(list->item[k],
                                "some files have a weight and others have none: give all of them "
                                "one, or none");
        sum += ds->part[k].weight;
    }
    for (size_t k = 0; sum > 0 && k < ds->parts; k++) {
        if (ds->part[k].weight * NN_MIXTURE_SLOTS < sum)
            return nn_node_fail(list->item[k],
                                "a weight of %g is less than 1/%d of all %g: there would be no "
                                "sample of this file",
                                ds->part[k].weight, NN_MIXTURE_SLOTS, sum);
        ds->part[k].weight /= sum;
    }
    return NN_OK;
}

static int open_parts(nn_dataset *ds, const mixture_options *o) {
    const nn_node *list = o->path;
    char names[PATH_TEXT] = "";

    if (list->kind != NN_NODE_LIST || list->count == 0 || list->count > NN_MAX_PARTS)
        return nn_node_fail(list, "path is a list of 1 to %d files: [a.h5, b.h5]", NN_MAX_PARTS);
    ds->part = nn_pool_alloc(&ds->pool, list->count * sizeof *ds->part);
    if (!ds->part)
        return NN_EMEMORY;
    for (size_t k = 0; k < list->count; k++) {
        size_t used = strlen(names);
        ds->parts++;
        NN_TRY(open_part(ds, o, list->item[k], &ds->part[k]));
        snprintf(names + used, sizeof names - used, "%s%s", k ? " + " : "",
                 used > PATH_TEXT / 2 ? "..." : ds->part[k].ds->path);
        if (used > PATH_TEXT / 2)
            names[used + strlen(" + ...")] = '\0';
    }
    ds->path = nn_pool_strdup(&ds->pool, names);
    return ds->path ? check_weights(ds, list) : NN_EMEMORY;
}

/* ---- what they have in common ---------------------------------------------------------------- */

static bool same_names(size_t n, const char *const *a, const char *const *b) {
    for (size_t i = 0; a && b && i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return !a == !b;
}

static bool same_scale(const nn_affine *a, const nn_affine *b) {
    size_t bytes = a->count * sizeof *a->scale;

    return a->count == b->count && (bytes == 0 || (memcmp(a->scale, b->scale, bytes) == 0 &&
                                                   memcmp(a->offset, b->offset, bytes) == 0));
}

/* Names of classes, which are the vocabulary of a text. */
static int check_classes(const nn_dataset *a, const nn_dataset *b) {
    const char *kinds[2] = {a->tokens ? a->tokens : "no tokens",
                            b->tokens ? b->tokens : "no tokens"};

    if (strcmp(kinds[0], kinds[1]) != 0)
        return nn_fail(
            NN_EFORMAT,
            "%s and %s do not go together: the tokens of one are '%s', of the other '%s'", a->path,
            b->path, kinds[0], kinds[1]);
    if (a->first_class == b->first_class && a->named == b->named &&
        same_names((size_t)a->named, a->names, b->names))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   a->tokens
                       ? "%s and %s have different vocabularies (%" PRId64 " and %" PRId64
                         " tokens): import one with that of the other (nnmpi data import text "
                         "--vocabulary-file), or both with a third"
                       : "%s and %s have different classes (attribute classes, of %" PRId64
                         " and %" PRId64 ", or first_label): they have to be the same, in the "
                         "same order",
                   a->path, b->path, a->named, b->named);
}

static int check_part(const nn_dataset *a, const nn_dataset *b) {
    NN_TRY(check_classes(a, b));
    if (a->features != b->features || !same_names(a->features, a->feature_names, b->feature_names))
        return nn_fail(NN_EFORMAT,
                       "%s and %s have columns of different names (feature_names): they have to be "
                       "the same, in the same order",
                       a->path, b->path);
    for (size_t i = 0; i < a->features; i++)
        if (!nn_categories_same(&a->categories, i, &b->categories, i))
            return nn_fail(NN_EFORMAT,
                           "%s and %s have other categories in column '%s', so that its numbers "
                           "stand for others: import them as one table",
                           a->path, b->path, a->feature_names[i]);
    if (!same_scale(&a->affine, &b->affine))
        return nn_fail(NN_EFORMAT,
                       "%s and %s are scaled differently (attributes scale and offset, or mean and "
                       "std): they have to be scaled alike",
                       a->path, b->path);
    if (nn_dataset_split(b, "train"))
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: it has no split train to take a share of", b->path);
}

static nn_field *field_of(nn_split *split, char name) {
    return (nn_field *)(uintptr_t)nn_split_field(split, name);
}

static bool has_field(const nn_split *split, char name) {
    return name == 'x' || (name == 'y'   ? split->has_y
                           : name == 'w' ? split->has_w
                                         : split->has_length);
}

/* Rows of a part are read in the type that they have in all. */
static int set_type(const nn_dataset *ds, nn_split *split, char name, nn_dtype type) {
    nn_field *field = field_of(split, name);

    if (field->type == type)
        return NN_OK;
    if (!ds->ops->converts || split->tokens > 0)
        return nn_fail(NN_EFORMAT, "%s: /%s/%c is %s, but %s where it is mixed with other data",
                       ds->path, split->name, name, nn_dtype_name(field->type),
                       nn_dtype_name(type));
    field->row_bytes = field->row_bytes / nn_dtype_size(field->type) * nn_dtype_size(type);
    field->type = type;
    return NN_OK;
}

static int join_field(nn_dataset *ds, nn_split *all, char name) {
    nn_field *field = field_of(all, name);
    const nn_dataset *first = NULL;
    char a[NN_SHAPE_TEXT], b[NN_SHAPE_TEXT];

    for (size_t k = 0; k < ds->parts; k++) {
        const nn_dataset *part = ds->part[k].ds;
        const nn_split *split = nn_dataset_split(part, all->name);
        const nn_field *own = split && has_field(split, name) ? nn_split_field(split, name) : NULL;
        if (own && !first) {
            first = part;
            *field = *own;
        } else if (own && (!nn_shape_equal(&own->shape, &field->shape) ||
                           own->channels_last != field->channels_last)) {
            return nn_fail(NN_EFORMAT, "a row of /%s/%c is %s in %s and %s in %s%s", all->name,
                           name, nn_shape_text(&field->shape, a), first->path,
                           nn_shape_text(&own->shape, b), part->path,
                           own->channels_last != field->channels_last
                               ? ", and one of them has the channels last"
                               : "");
        } else if (own && own->type != field->type) {
            bool whole = nn_dtype_is_integer(own->type) && nn_dtype_is_integer(field->type);
            field->type = whole ? NN_I64 : NN_F32;
        }
    }
    if (first && name == NN_FIELD_LENGTH)
        field->type = NN_I32;
    if (first && name == 'w')
        field->type = NN_F32;
    field->row_bytes = nn_shape_count(&field->shape) * nn_dtype_size(field->type);
    for (size_t k = 0; first && k < ds->parts; k++) {
        nn_split *split = (nn_split *)(uintptr_t)nn_dataset_split(ds->part[k].ds, all->name);
        if (split && has_field(split, name))
            NN_TRY(set_type(ds->part[k].ds, split, name, field->type));
    }
    return NN_OK;
}

/* Samples of all parts that have such a split; weights and lengths where one of them has some. */
static int join_split(nn_dataset *ds, const char *name) {
    static const char fields[] = {'x', 'y', 'w', NN_FIELD_LENGTH};
    nn_split *all = &ds->split[ds->splits];
    const nn_dataset *first = NULL;

    *all = (nn_split){.name = name};
    for (size_t k = 0; k < ds->parts; k++) {
        const nn_dataset *part = ds->part[k].ds;
        const nn_split *own = nn_dataset_split(part, name);
        if (!own)
            continue;
        if (first && own->has_y != all->has_y)
            return nn_fail(NN_EFORMAT, "of %s and %s only one has /%s/y", first->path, part->path,
                           name);
        first = part;
        all->samples += own->samples;
        all->tokens += own->tokens;
        all->has_y = own->has_y;
        all->has_w = all->has_w || own->has_w;
        all->has_length = all->has_length || own->has_length;
    }
    for (size_t i = 0; first && i < sizeof fields; i++)
        NN_TRY(join_field(ds, all, fields[i]));
    ds->splits += first != NULL;
    return NN_OK;
}

/* Values that were missing, of all parts. */
static int join_missing(nn_dataset *ds) {
    size_t width = nn_shape_count(&ds->split[0].x.shape);
    double *missing = nn_pool_alloc(&ds->pool, width * sizeof *missing);

    if (!missing)
        return NN_EMEMORY;
    for (size_t k = 0; k < ds->parts; k++)
        for (size_t i = 0; ds->part[k].ds->missing && i < width; i++) {
            missing[i] += ds->part[k].ds->missing[i];
            ds->missing = missing;
        }
    return NN_OK;
}

static int join(nn_dataset *ds) {
    const nn_dataset *first = ds->part[0].ds;

    for (size_t k = 0; k < ds->parts; k++) {
        NN_TRY(check_part(first, ds->part[k].ds));
        ds->layout_open = ds->layout_open || ds->part[k].ds->layout_open;
    }
    NN_TRY(join_split(ds, "train"));
    NN_TRY(join_split(ds, "valid"));
    NN_TRY(join_split(ds, "test"));
    ds->settings.first_label = first->settings.first_label; /* applied to what `read` gives */
    ds->settings.layout = first->settings.layout;
    ds->divided = true; /* each part by itself */
    ds->affine = first->affine;
    ds->classes = first->named;
    ds->class_names = first->names;
    ds->tokens = first->tokens;
    ds->features = first->features;
    ds->one_hot = first->one_hot;
    ds->categories = first->categories;
    ds->feature_names = first->feature_names;
    return join_missing(ds);
}

static int mixture_open(nn_dataset *ds, const void *options) {
    ds->path = "the mixture";
    NN_TRY(open_parts(ds, options));
    return join(ds);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What a part does not say: all steps count, and every sample as much as any other. */
static void fill_in(const nn_split *split, char field, int64_t count, void *out) {
    for (int64_t i = 0; i < count; i++) {
        if (field == 'w')
            ((float *)out)[i] = 1;
        else
            ((int32_t *)out)[i] = (int32_t)nn_split_steps(split);
    }
}

static int mixture_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                        int64_t count, void *out) {
    unsigned char *to = out;

    for (size_t k = 0; k < ds->parts && count > 0; k++) {
        const nn_dataset *part = ds->part[k].ds;
        const nn_split *own = nn_dataset_split(part, split->name);
        if (!own)
            continue;
        int64_t samples = own->samples, rows = samples - first;
        rows = rows < count ? rows : count;
        if (rows > 0) {
            if (has_field(own, field))
                NN_TRY(part->ops->read(part, own, field, first, rows, to));
            else
                fill_in(own, field, rows, to);
            to += (size_t)rows * nn_split_field(split, field)->row_bytes;
            count -= rows;
            first += rows;
        }
        first -= samples;
    }
    return NN_OK;
}

static void mixture_close(nn_dataset *ds) {
    for (size_t k = 0; k < ds->parts; k++)
        nn_dataset_close(ds->part[k].ds);
}

const nn_source_ops nn_source_mixture = {
    .entry = {"mixture",
              "Several data sets as one, with the same columns and classes, or vocabulary; what a "
              "list as `path` means.",
              mixture_table, sizeof(mixture_options)},
    .open = mixture_open,
    .read = mixture_read,
    .close = mixture_close,
};
