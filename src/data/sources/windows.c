#include "data/sources/windows.h"

#include "base/log.h"
#include "data/classes.h"
#include "data/output.h"
#include "data/sources/describe.h"
#include "data/sources/sources.h"
#include "data/tokens.h"

#include <inttypes.h>
#include <string.h>

enum { DEFAULT_CONTEXT = 64, MOST_CONTEXT = 65536 };

/* Tokens of the stream that x has: where there is a y, the last one only follows. */
static int64_t positions_of(const nn_split *split) {
    return split->tokens - split->has_y;
}

/* Unchanged where no attribute says it. */
static int read_int(const nn_dataset *ds, const nn_split *split, const char *name, int64_t *value) {
    char path[NN_FIELD_PATH];
    const char *object = nn_hdf5_nearest(ds, split, NN_FIELD_TOKENS, name, NULL, path);

    return object ? nn_h5_get_int(ds->state, object, name, value) : NN_OK;
}

static int find_context(const nn_dataset *ds, const nn_split *split, int64_t *context) {
    if (*context > 0)
        return NN_OK;
    *context = DEFAULT_CONTEXT;
    NN_TRY(read_int(ds, split, "context", context));
    if (*context >= 1 && *context <= MOST_CONTEXT)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: the attribute context for /%s is %" PRId64
                   ", but a window has 1 to %d tokens",
                   ds->path, split->name, *context, MOST_CONTEXT);
}

static int check_stream(const nn_dataset *ds, const nn_split *split, const nn_h5_info *info) {
    if (info->rank == 1 && nn_dtype_is_integer(info->type))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: /%s/tokens is %s with %d dimensions; a stream is [n] of integers", ds->path,
                   split->name, nn_dtype_name(info->type), info->rank);
}

/* A text may be shorter than a window, whoever says how long that is: a model of 64 tokens is
 * evaluated on 20. Where not the file says it, it may be a mistake. */
static int check_length(const nn_dataset *ds, const nn_split *split, int64_t context, bool said) {
    if (said && positions_of(split) > 0 && positions_of(split) < context)
        nn_info("%s: /%s/tokens has %" PRId64 " tokens, but a window has %" PRId64
                " and one that follows: it is one sample, with its length",
                ds->path, split->name, split->tokens, context);
    if (positions_of(split) > 0)
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: /%s/tokens has %" PRId64 " tokens; a text has at least %d",
                   ds->path, split->name, split->tokens, 1 + split->has_y);
}

int nn_windows_open(nn_dataset *ds, nn_split *split, int64_t context) {
    char path[NN_FIELD_PATH];
    int64_t unlabelled = 0, windows;
    bool said = context > 0;
    nn_h5_info info;

    NN_TRY(nn_h5_info_of(ds->state, nn_field_path(split->name, NN_FIELD_TOKENS, path), &info));
    NN_TRY(check_stream(ds, split, &info));
    NN_TRY(find_context(ds, split, &context));
    NN_TRY(read_int(ds, split, "unlabelled", &unlabelled));
    split->tokens = info.dim[0];
    split->has_y = !unlabelled;
    NN_TRY(check_length(ds, split, context, said));
    windows = (positions_of(split) + context - 1) / context;
    info = (nn_h5_info){NN_I32, 2, {windows, context}};
    NN_TRY(nn_split_describe(ds, split, 'x', &info));
    if (!unlabelled)
        NN_TRY(nn_split_describe(ds, split, 'y', &info));
    info.rank = 1;
    return positions_of(split) < context ? nn_split_describe(ds, split, NN_FIELD_LENGTH, &info)
                                         : NN_OK;
}

/* How many different tokens a stream may have. */
static int64_t vocabulary_of(const nn_dataset *ds) {
    bool bytes = nn_tokens_are_bytes(ds->tokens);

    return ds->names ? ds->named : bytes ? NN_BYTE_TOKENS : NN_MAX_CLASSES;
}

static int read_tokens(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                       int32_t *out) {
    int64_t most = vocabulary_of(ds);
    char path[NN_FIELD_PATH];

    nn_field_path(split->name, NN_FIELD_TOKENS, path);
    NN_TRY(nn_h5_read(ds->state, path, first, count, NN_I32, out));
    for (int64_t i = 0; i < count; i++)
        if (out[i] < 0 || out[i] >= most)
            return nn_fail(NN_EFORMAT,
                           "%s: %s[%" PRId64 "] is %" PRId32
                           ", but the tokens of the vocabulary are 0 to %" PRId64,
                           ds->path, path, first + i, out[i], most - 1);
    return NN_OK;
}

int nn_windows_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                    int64_t count, int32_t *out) {
    int64_t context = split->x.shape.dim[0], positions = positions_of(split);
    int64_t full = positions / context, side_by_side = count;
    int64_t after = field == 'y';

    if (field == NN_FIELD_LENGTH) { /* of the one window that is not full */
        *out = (int32_t)positions;
        return NN_OK;
    }
    if (first + count > full)
        side_by_side = first < full ? full - first : 0;
    if (side_by_side > 0)
        NN_TRY(read_tokens(ds, split, first * context + after, side_by_side * context, out));
    if (side_by_side == count)
        return NN_OK;
    out += side_by_side * context;
    if (positions >= context) {
        NN_TRY(read_tokens(ds, split, positions - context + after, context, out));
        for (int64_t i = 0; after && i < context - positions % context; i++)
            out[i] = -1; /* which the window before has had */
        return NN_OK;
    }
    memset(out + positions, 0, (size_t)(context - positions) * sizeof *out);
    return read_tokens(ds, split, after, positions, out);
}
