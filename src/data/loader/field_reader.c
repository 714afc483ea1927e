#include "data/loader/field_reader.h"

#include "base/system/work.h"
#include "data/values/indices.h"
#include "data/values/normalize.h"
#include "math/kernels.h"

#include <inttypes.h>
#include <math.h>

#define PREFETCH_ROWS 4                   /* how far ahead: twice as fast for MNIST */
#define PREFETCH_BYTES ((size_t)4 * 1024) /* longer rows the processor fetches by itself */

int nn_field_reader_init(nn_field_reader *r, const nn_dataset *ds, const nn_split *split, char name,
                         nn_pool *pool) {
    const nn_field *field = nn_split_field(split, name);

    *r = (nn_field_reader){.ds = ds, .split = split, .name = name, .row_bytes = field->row_bytes};
    r->there = nn_dataset_rows(ds, split, name);
    if (name == 'x')
        return nn_converter_init_x(&r->convert, field, &ds->affine, &ds->normal, pool);
    return nn_converter_init(&r->convert, field, NULL, NN_AS_STORED, pool);
}

void nn_field_reader_release(nn_field_reader *r) {
    if (!r->borrowed)
        nn_free(r->stored);
    nn_free(r->buffer);
    nn_free(r->piece);
    *r = (nn_field_reader){0};
}

uint64_t nn_field_reader_bytes(const nn_field_reader *r) {
    return (uint64_t)r->split->samples * r->row_bytes;
}

/* Names the first value of converted rows that is no finite number. */
static int fail_value(const nn_field_reader *r, int64_t first, size_t count, const nn_real *value) {
    size_t i = 0;

    while (i < count && isfinite(value[i]))
        i++;
    return nn_fail(NN_EFORMAT, "%s: /%s/%c row %" PRId64 " holds %s", r->ds->path, r->split->name,
                   r->name, first + (int64_t)(i / r->convert.width),
                   isnan(value[i]) ? "NaN" : "Inf, or a number too large for float32");
}

static int check_weights(const nn_field_reader *r, int64_t first, size_t count,
                         const nn_real *value) {
    for (size_t i = 0; i < count; i++)
        if (value[i] < 0)
            return nn_fail(NN_EFORMAT, "%s: /%s/w row %" PRId64 " is %g; weights are not negative",
                           r->ds->path, r->split->name, first + (int64_t)i, (double)value[i]);
    return NN_OK;
}

static int check_indices(const nn_field_reader *r, int64_t first, size_t rows,
                         const nn_real *value) {
    size_t width = r->convert.width, at = nn_find_no_index(r->indices, rows, width, value);
    char text[NN_INDEX_TEXT];

    if (at == rows * width)
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: /%s/x row %" PRId64 " holds %s", r->ds->path, r->split->name,
                   first + (int64_t)(at / width),
                   nn_no_index_text(r->indices, width, value, at, text));
}

/* `value` is memory for the rows as floats, or for their lengths. */
int nn_field_reader_check(const nn_field_reader *r, int64_t first, int64_t rows,
                          const unsigned char *stored, nn_real *value) {
    size_t count = (size_t)rows * r->convert.width;

    if (r->name == NN_FIELD_LENGTH)
        return nn_dataset_lengths(r->ds, r->split, first, rows, stored, (void *)value);
    nn_converter_apply(&r->convert, (size_t)rows, stored, value);
    if (!nn_kernels_get()->all_finite(count, value))
        return fail_value(r, first, count, value);
    if (r->indices)
        return check_indices(r, first, (size_t)rows, value);
    return r->name == 'w' ? check_weights(r, first, count, value) : NN_OK;
}

int nn_field_reader_scan(const nn_field_reader *r, int64_t first, int64_t count) {
    int64_t rows = nn_chunk_rows(r->row_bytes), end = first + count;
    unsigned char *buffer = NULL;
    nn_real *value = NULL;
    int rc;

    rows = rows < count ? rows : count;
    NN_TRY_GOTO(NN_NEW(&value, (size_t)rows * r->convert.width, "checking the data"));
    if (!r->stored && !r->there)
        NN_TRY_GOTO(NN_NEW(&buffer, (size_t)rows * r->row_bytes, "checking the data"));
    for (; first < end; first += rows) {
        int64_t n = end - first < rows ? end - first : rows;
        nn_work("reading", r->split->name, count - (end - first), count);
        size_t at = (size_t)first * r->row_bytes;
        unsigned char *to = r->stored ? r->stored + at : buffer;
        if (!r->there)
            NN_TRY_GOTO(nn_dataset_read(r->ds, r->split, r->name, first, n, to));
        NN_TRY_GOTO(nn_field_reader_check(r, first, n, r->there ? r->there + at : to, value));
    }
done:
    nn_work_end();
    nn_free(buffer);
    nn_free(value);
    return rc;
}

/* Length of the run of consecutive rows that starts at i. */
static size_t run_length(const int64_t *index, size_t i, size_t count) {
    size_t n = 1;

    while (i + n < count && index[i + n] == index[i] + (int64_t)n)
        n++;
    return n;
}

static const unsigned char *kept(const nn_field_reader *r) {
    if (r->there)
        return r->there;
    return r->stored ? r->stored : r->buffer;
}

/* The stored rows of a run, wherever they are. */
static int stored_rows(const nn_field_reader *r, int64_t first, size_t rows,
                       const unsigned char **out) {
    *out = r->piece;
    if (r->piece)
        return nn_dataset_read(r->ds, r->split, r->name, first, (int64_t)rows, r->piece);
    *out = kept(r) + (size_t)first * r->row_bytes;
    return NN_OK;
}

void nn_field_reader_fetch(const nn_field_reader *r, int64_t row, size_t step) {
    const unsigned char *stored = kept(r);

    if (!stored || r->row_bytes > PREFETCH_BYTES)
        return;
    stored += (size_t)row * r->row_bytes;
    for (size_t at = 0; at < r->row_bytes; at += step)
        __builtin_prefetch(stored + at);
}

int nn_field_reader_floats(const nn_field_reader *r, const int64_t *index, size_t count,
                           nn_real *out) {
    for (size_t i = 0, n; i < count; i += n) {
        const unsigned char *stored;
        n = run_length(index, i, count);
        if (i + PREFETCH_ROWS < count)
            nn_field_reader_fetch(r, index[i + PREFETCH_ROWS], NN_ALIGN);
        NN_TRY(stored_rows(r, index[i], n, &stored));
        nn_converter_apply(&r->convert, n, stored, out + i * r->convert.width);
    }
    return NN_OK;
}

int nn_field_reader_integers(const nn_field_reader *r, const int64_t *index, size_t count,
                             int32_t *out) {
    for (size_t i = 0; i < count; i++) {
        const unsigned char *stored;
        NN_TRY(stored_rows(r, index[i], 1, &stored));
        for (size_t k = 0; k < r->convert.width; k++)
            *out++ = (int32_t)nn_stored_integer(r->convert.type, stored, k);
    }
    return NN_OK;
}
