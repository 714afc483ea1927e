/* LIBSVM's text format, as svmlight's: a row is `label index:value index:value ...  # comment`,
 * with indices that rise from 1; what is not said is 0. Two passes: the first counts rows and
 * columns and learns the labels, the second writes. A word at a time is held in memory, and a piece
 * of x. */
#include "base/text.h"
#include "data/importers/gz.h"
#include "data/importers/importer.h"
#include "data/importers/labels.h"
#include "data/output.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 16, WORD = 64, MOST_FEATURES = 1 << 20 };
#define MOST_TIMES 1024 /* bytes of x that a byte of the file may stand for */

const nn_option nn_libsvm_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_libsvm_options, path), NULL, NULL,
     "file in LIBSVM's or svmlight's format, gzip'd or not"},
    {"values", NN_OPT_BOOL, offsetof(nn_libsvm_options, values), "false", NULL,
     "rows begin with numbers to predict, not with classes"},
    {"features", NN_OPT_INT, offsetof(nn_libsvm_options, features), "0", "[0, 1048576]",
     "columns of x; 0: the largest index"},
    NN_OPTION_END,
};

typedef struct task {
    const nn_libsvm_options *options;
    bool writing; /* the second pass */
    nn_labels labels;
    int64_t rows, features;
    uint64_t bytes; /* of the file, without compression */
    nn_output output;
    /* where the reader is */
    int64_t line, index; /* the last one of the row */
    char word[WORD];
    size_t length;
    bool begun, comment; /* the row has a label; what comes up to the end of the line counts not */
    /* rows that are not written yet */
    int64_t piece_rows, pending, written;
    float *x, *value;
    int32_t *class;
} task;

#define fail_at(t, ...)                                                                            \
    nn_error_prefix(nn_fail(NN_EFORMAT, __VA_ARGS__), "%s:%" PRId64, (t)->options->path, (t)->line)

static int changed(const task *t) {
    return nn_fail(NN_EFORMAT,
                   "%s: changed while it was read; it has to be a file at rest, no pipe",
                   t->options->path);
}

/* 1, +1 and 1.0 are the same class. */
static int take_label(task *t) {
    double value;
    int64_t whole;

    if (!nn_text_to_real(t->word, &value) || !isfinite((float)value))
        return fail_at(t,
                       "'%s' is no label: a row is `label index:value ...` and its label a number",
                       t->word);
    if (nn_text_to_int(t->word, &whole))
        snprintf(t->word, sizeof t->word, "%" PRId64, whole);
    if (!t->writing)
        return t->options->values ? NN_OK : nn_labels_add(&t->labels, t->word);
    if (t->value) {
        t->value[t->pending] = (float)value;
        return NN_OK;
    }
    t->class[t->pending] = (int32_t)nn_labels_find(&t->labels, t->word);
    return t->class[t->pending] < 0 ? changed(t) : NN_OK;
}

static int take_pair(task *t) {
    char *colon = strchr(t->word, ':');
    double value;
    int64_t index;

    if (strncmp(t->word, "qid:", 4) == 0) /* of a ranking */
        return NN_OK;
    if (colon)
        *colon = '\0';
    if (!colon || !nn_text_to_int(t->word, &index) || !nn_text_to_real(colon + 1, &value) ||
        !isfinite((float)value))
        return fail_at(t, "'%s%s%s' is no index:value", t->word, colon ? ":" : "",
                       colon ? colon + 1 : "");
    if (index <= t->index)
        return fail_at(t, "index %" PRId64 " comes after %" PRId64 "; indices rise, from 1 on",
                       index, t->index);
    if (index > (t->options->features ? t->options->features : MOST_FEATURES))
        return fail_at(t, "index %" PRId64 " is more than %" PRId64 " features", index,
                       t->options->features ? t->options->features : (int64_t)MOST_FEATURES);
    if (t->writing && index > t->features)
        return changed(t);
    t->index = index;
    if (t->writing)
        t->x[t->pending * t->features + index - 1] = (float)value;
    else if (index > t->features)
        t->features = index;
    return NN_OK;
}

static int end_word(task *t) {
    bool first = !t->begun;

    if (t->length == 0)
        return NN_OK;
    t->word[t->length] = '\0';
    t->length = 0;
    t->begun = true;
    return first ? take_label(t) : take_pair(t);
}

static int flush(task *t) {
    NN_TRY(nn_output_rows(&t->output, "train", 'x', t->written, t->pending, NN_F32, t->x));
    NN_TRY(nn_output_rows(&t->output, "train", 'y', t->written, t->pending,
                          t->value ? NN_F32 : NN_I32,
                          t->value ? (const void *)t->value : (const void *)t->class));
    t->written += t->pending;
    t->pending = 0;
    memset(t->x, 0, (size_t)(t->piece_rows * t->features) * sizeof *t->x);
    return NN_OK;
}

static int end_line(task *t) {
    NN_TRY(end_word(t));
    if (t->begun && !t->writing)
        t->rows++;
    if (t->begun && t->writing)
        t->pending++;
    t->begun = t->comment = false;
    t->index = 0;
    t->line++;
    return t->writing && t->pending == t->piece_rows ? flush(t) : NN_OK;
}

static int take_byte(task *t, char c) {
    if (c == '\n')
        return end_line(t);
    if (t->comment)
        return NN_OK;
    if (c == '#' || c == ' ' || c == '\t' || c == '\r') {
        t->comment = c == '#';
        return end_word(t);
    }
    if (t->length == WORD - 1)
        return fail_at(t, "'%.20s...' is too long for a label or an index:value", t->word);
    if (t->writing && t->written + t->pending == t->rows)
        return changed(t);
    t->word[t->length++] = c;
    return NN_OK;
}

static int read_all(task *t, nn_gz *file, char *buffer) {
    size_t got = PIECE;

    while (got == PIECE) {
        NN_TRY(nn_gz_read(file, buffer, PIECE, &got));
        t->bytes += t->writing ? 0 : got;
        for (size_t i = 0; i < got; i++)
            NN_TRY(take_byte(t, buffer[i]));
    }
    return end_line(t); /* the last line may have no end */
}

static int pass(task *t) {
    nn_gz *file = NULL;
    char *buffer = NULL;
    int rc;

    t->line = 1;
    NN_TRY_GOTO(nn_gz_open(t->options->path, &file));
    NN_TRY_GOTO(NN_NEW(&buffer, PIECE, "text"));
    NN_TRY_GOTO(read_all(t, file, buffer));
done:
    nn_gz_close(file);
    nn_free(buffer);
    return rc;
}

static int survey(task *t) {
    const char *path = t->options->path;
    char wanted[NN_BYTES_TEXT];

    NN_TRY(nn_labels_init(&t->labels));
    NN_TRY(pass(t));
    if (t->options->features)
        t->features = t->options->features;
    if (t->rows == 0 || t->features == 0)
        return nn_fail(NN_EFORMAT, "%s: no %s", path, t->rows ? "index:value in any row" : "rows");
    double bytes = (double)t->rows * (double)t->features * sizeof(float);
    if (bytes > (double)t->bytes * MOST_TIMES + (1 << 20))
        return nn_fail(NN_EFORMAT,
                       "%s: %" PRId64 " rows of %" PRId64
                       " numbers would take %s, for almost all of "
                       "them are 0: too sparse for rows that hold every number",
                       path, t->rows, t->features, nn_bytes_text(bytes, wanted));
    return nn_labels_number(&t->labels);
}

static int allocate(task *t) {
    size_t rows;

    t->piece_rows = nn_chunk_rows((size_t)t->features * sizeof(float));
    t->piece_rows = t->piece_rows < t->rows ? t->piece_rows : t->rows;
    rows = (size_t)t->piece_rows;
    NN_TRY(NN_NEW(&t->x, rows * (size_t)t->features, "rows"));
    return t->options->values ? NN_NEW(&t->value, rows, "rows") : NN_NEW(&t->class, rows, "rows");
}

static int declare(task *t, const char *out) {
    uint64_t row_bytes = (uint64_t)(t->features + 1) * sizeof(float);
    nn_shape x = {1, {t->features}}, y = {0};
    nn_dtype type = t->value ? NN_F32 : nn_labels_type(&t->labels);

    NN_TRY(nn_output_init(&t->output, out, (uint64_t)t->rows * row_bytes));
    NN_TRY(nn_output_declare(&t->output, "train", 'x', NN_F32, t->rows, &x));
    NN_TRY(nn_output_declare(&t->output, "train", 'y', type, t->rows, &y));
    return t->value ? NN_OK : nn_labels_write(&t->labels, t->output.file);
}

static int write(task *t, const char *out) {
    NN_TRY(allocate(t));
    NN_TRY(declare(t, out));
    t->writing = true;
    NN_TRY(pass(t));
    if (t->pending)
        NN_TRY(flush(t));
    return t->written == t->rows ? NN_OK : changed(t);
}

static int libsvm_run(const void *options, const char *out) {
    task t = {.options = options};
    int rc;

    NN_TRY_GOTO(survey(&t));
    NN_TRY_GOTO(write(&t, out));
done:
    rc = nn_output_end(&t.output, rc);
    nn_free(t.x);
    nn_free(t.value);
    nn_free(t.class);
    nn_labels_release(&t.labels);
    return rc;
}

const nn_importer_ops nn_importer_libsvm = {
    .entry = {"libsvm", "Rows `label index:value ...` as LIBSVM and svmlight have them.",
              nn_libsvm_table, sizeof(nn_libsvm_options)},
    .argument = "path",
    .run = libsvm_run,
};
