#include "data/classes.h"

#include "base/log.h"
#include "data/output.h"
#include "data/tokens.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <string.h>

int nn_dataset_check_classes(const nn_dataset *ds) {
    int64_t first = ds->settings.first_label;

    bool one_class = ds->smallest_label == ds->classes - 1; /* nothing to tell apart */

    if (ds->signs)
        return nn_fail(NN_EFORMAT,
                       "%s: the labels are 1 and -1, and -1 means that a sample is ignored: write "
                       "the two classes as 0 and 1",
                       ds->path);
    if (ds->smallest_label < 1 || ds->class_names || ds->tokens || one_class)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: the labels of /train are %" PRId64 " to %" PRId64 ", but %" PRId64
                   " is the first class: where labels count from %" PRId64
                   ", say first_label: %" PRId64 " under data",
                   ds->path, ds->smallest_label + first, ds->classes - 1 + first, first,
                   ds->smallest_label + first, ds->smallest_label + first);
}

int nn_dataset_check_class_count(const nn_dataset *ds, size_t most) {
    int64_t first = ds->settings.first_label, distinct = ds->distinct_labels;
    bool gaps = distinct > 0 && distinct < ds->classes - ds->least_label;

    if (ds->class_names || (size_t)ds->classes <= most)
        return NN_OK;
    if (gaps && ds->tokens)
        return nn_fail(NN_EFORMAT,
                       "%s: the tokens are %" PRId64 " to %" PRId64 ", but only %" PRId64
                       " different ones: end the model with dense: {units: %" PRId64
                       "}, or number the tokens 0 to %" PRId64 " without gaps",
                       ds->path, ds->least_label, ds->classes - 1, distinct, ds->classes,
                       distinct - 1);
    if (gaps)
        return nn_fail(NN_EFORMAT,
                       "%s: the labels are %" PRId64 " to %" PRId64 ", but only %" PRId64
                       " different ones: number the classes 0 to %" PRId64
                       " without gaps (numpy: y = np.unique(y, return_inverse=True)[1]), or end "
                       "the model with dense: {units: %" PRId64 "}",
                       ds->path, ds->least_label + first, ds->classes - 1 + first, distinct,
                       distinct - 1, ds->classes);
    return nn_dataset_check_classes(ds);
}

int nn_label_refuse(const char *path, const char *array, int64_t row, int64_t label) {
    return nn_fail(NN_EFORMAT,
                   "%s: %s row %" PRId64 " holds %" PRId64
                   "; labels are 0, 1, 2 ... or -1 for a row to be ignored, and at most %d",
                   path, array, row, label, NN_MAX_CLASSES - 1);
}

int nn_label_none(const char *path) {
    return nn_fail(NN_EFORMAT, "%s: every label is -1, so there is nothing to learn", path);
}

#define COUNTED_LABELS 65536 /* larger ones are not told apart */

/* What the labels of all splits are like. */
struct seen {
    int64_t largest, smallest;             /* smallest: of /train, INT64_MAX before the first */
    int64_t labels, ignored;               /* how many there are; of no class */
    uint64_t present[COUNTED_LABELS / 64]; /* a bit for each label */
};

/* Checks rows [first, first + count). */
static int scan_labels(const nn_dataset *ds, const nn_split *split, const void *stored,
                       int64_t first, int64_t count, struct seen *seen) {
    int64_t bound = ds->class_names ? ds->classes : NN_MAX_CLASSES;
    int64_t positions = (int64_t)nn_split_positions(split);
    char array[NN_FIELD_PATH];

    for (int64_t i = 0; i < count * positions; i++) {
        int64_t label = nn_stored_integer(split->y.type, stored, (size_t)i);
        if (label >= -1 && label < bound) {
            seen->largest = label > seen->largest ? label : seen->largest;
            seen->ignored += label == -1 && !split->tokens; /* else another window has it */
            seen->labels++;
            if (label >= 0 && label < COUNTED_LABELS)
                seen->present[label / 64] |= (uint64_t)1 << label % 64;
            if (label >= 0 && label < seen->smallest && strcmp(split->name, "train") == 0)
                seen->smallest = label;
            continue;
        }
        if (label < -1 || !ds->class_names)
            return nn_label_refuse(ds->path, nn_field_path(split->name, 'y', array),
                                   first + i / positions, label);
        return nn_fail(NN_EFORMAT,
                       "%s: /%s/y row %" PRId64 " holds label %" PRId64 ", but there are %" PRId64
                       " classes (0 to %" PRId64 ")",
                       ds->path, split->name, first + i / positions, label, bound, bound - 1);
    }
    return NN_OK;
}

static int scan_split_labels(const nn_dataset *ds, const nn_split *split, struct seen *seen) {
    int64_t rows = nn_chunk_rows(split->y.row_bytes);
    unsigned char *stored = NULL;
    int rc;

    NN_TRY_GOTO(NN_NEW(&stored, (size_t)rows * split->y.row_bytes, "labels"));
    for (int64_t first = 0; first < split->samples; first += rows) {
        int64_t count = split->samples - first < rows ? split->samples - first : rows;
        NN_TRY_GOTO(nn_dataset_read(ds, split, 'y', first, count, stored));
        NN_TRY_GOTO(scan_labels(ds, split, stored, first, count, seen));
    }
done:
    nn_free(stored);
    return rc;
}

static void count_distinct(nn_dataset *ds, const struct seen *seen) {
    ds->distinct_labels = 0;
    for (int64_t label = COUNTED_LABELS; seen->largest < COUNTED_LABELS && label-- > 0;)
        if (seen->present[label / 64] >> label % 64 & 1) {
            ds->least_label = label;
            ds->distinct_labels++;
        }
}

int nn_dataset_scan_labels(nn_dataset *ds) {
    struct seen seen = {.largest = -1, .smallest = INT64_MAX};
    bool any = false, rows = false;
    bool bytes = nn_tokens_are_bytes(ds->tokens);

    ds->classes = ds->named;
    ds->class_names = ds->names;
    for (size_t i = 0; i < ds->splits; i++) {
        if (!nn_split_has_labels(&ds->split[i]))
            continue;
        any = true;
        rows = rows || !ds->split[i].supplied;
        NN_TRY(scan_split_labels(ds, &ds->split[i], &seen));
    }
    if (rows && seen.largest < 0)
        return nn_label_none(ds->path);
    ds->signs = seen.largest == 1 && seen.ignored && !(seen.present[0] & 1); /* no class 0 */
    count_distinct(ds, &seen);
    if (seen.ignored)
        nn_info("%s: %" PRId64 " of %" PRId64 " labels are -1: these samples are ignored", ds->path,
                seen.ignored, seen.labels);
    ds->smallest_label = seen.smallest < INT64_MAX ? seen.smallest : -1;
    if (rows && !ds->class_names)
        ds->classes = bytes && seen.largest < NN_BYTE_TOKENS ? NN_BYTE_TOKENS : seen.largest + 1;
    if (!any) { /* names of classes that nothing refers to say nothing */
        ds->classes = 0;
        ds->class_names = NULL;
    }
    return NN_OK;
}

int nn_dataset_label_positions(nn_dataset *ds) {
    for (size_t i = 0; i < ds->splits; i++) {
        nn_split *split = &ds->split[i];
        if (split->has_y && !nn_dtype_is_integer(split->y.type))
            return nn_fail(NN_EFORMAT, "%s: /%s/y is %s, but labels of positions are integers",
                           ds->path, split->name, nn_dtype_name(split->y.type));
        if (split->has_y)
            split->positions = split->y.shape.dim[0];
    }
    return nn_dataset_scan_labels(ds);
}
