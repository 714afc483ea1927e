/* CSV in two passes: the first counts the rows and learns the labels, the second writes. */
#include "base/log.h"
#include "base/system/work.h"
#include "base/text.h"
#include "data/importers/csv_features.h"
#include "data/importers/csv_reader.h"
#include "data/importers/importer.h"
#include "data/importers/labels.h"
#include "data/output.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const nn_option nn_csv_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_csv_options, path), NULL, NULL,
     "CSV file, gzip'd or not; every column that is not named below is a feature"},
    {"label", NN_OPT_STRING, offsetof(nn_csv_options, label), "", NULL,
     "column of classes, by name or number (1 is the first, -1 the last); integers 0 to C-1 stay, "
     "other integers are numbered in order, names in order of appearance"},
    {"target", NN_OPT_STRING, offsetof(nn_csv_options, target), "", NULL,
     "columns of numbers to predict, with commas between them, by name or number; y has them in "
     "this order"},
    {"drop", NN_OPT_STRING, offsetof(nn_csv_options, drop), "", NULL,
     "columns to leave out, with commas between them, by name or number"},
    {"unlabelled", NN_OPT_BOOL, offsetof(nn_csv_options, unlabelled), "false", NULL,
     "no column is an answer to be learned: all are features"},
    {"categories", NN_OPT_STRING, offsetof(nn_csv_options, categories), "", NULL,
     "columns of numbers that are names of categories, with commas between them; those that hold "
     "texts are anyway: each category becomes a column of x, 1 where it is and else 0"},
    {"embedding", NN_OPT_STRING, offsetof(nn_csv_options, embedding), "", NULL,
     "columns of categories, with commas between them, that become one column of x each: the "
     "number of the category, 1, 2 ..., for a layer `embedding`; 0 is one that a model has not "
     "seen. For columns of very many categories"},
    {"missing", NN_OPT_CHOICE, offsetof(nn_csv_options, missing), "refuse", "refuse|drop|mean",
     "values that are empty, NA, NaN, null or ?: an error, rows to leave out, or for numbers the "
     "mean of the column, which is then standardised, and for texts a category of its own, where "
     "only rows without an answer are left out"},
    {"standardize", NN_OPT_BOOL, offsetof(nn_csv_options, standardize), "false", NULL,
     "numbers get mean 0 and standard deviation 1 over all rows: the file keeps scale and offset"},
    {"columns", NN_OPT_NODE, offsetof(nn_csv_options, columns), "", NULL,
     "the columns of x as a model was trained with them, which predict and eval fill in: names, "
     "colour=red for a category, {name: [scale, offset]} for a number that is standardised, {name: "
     "{categories: [...]}} for numbers of categories"},
    {"answers", NN_OPT_STRING, offsetof(nn_csv_options, answers), "", NULL,
     "columns that are left out where the file has them, which predict fills in"},
    {"features", NN_OPT_INT, offsetof(nn_csv_options, features), "0", "[0, 1048576]",
     "numbers in a row of x; a file without more columns than that has none of the `answers`"},
    {"header", NN_OPT_CHOICE, offsetof(nn_csv_options, header), "auto", "auto|yes|no",
     "does the first row hold names? auto: when none of it is a number"},
    {"delimiter", NN_OPT_CHOICE, offsetof(nn_csv_options, delimiter), "auto",
     "auto|comma|semicolon|tab|bar",
     "what stands between two columns; auto: the one of these that the first lines have"},
    NN_OPTION_END,
};

static const char delimiters[] = {'\0', ',', ';', '\t', '|'}; /* auto first */

typedef struct table {
    const nn_csv_options *options;
    nn_pool pool;
    char delimiter;
    bool started;
    nn_csv_columns columns;
    nn_csv_features features;
    nn_labels labels;
    const char *first_label; /* of the first row, where that may be a header: its label; NULL:
                                another row has the same */
    int64_t rows, lacking;   /* rows that are left out come on top */
    nn_output output;
    /* the second pass: rows that are not written yet */
    int64_t piece_rows, pending, written;
    float *x, *value; /* [piece_rows][features.count], [piece_rows][targets] */
    int32_t *class;   /* [piece_rows] */
} table;

static int check_options(const nn_csv_options *o) {
    int answers = (o->label != NULL) + (o->target != NULL) + (o->unlabelled ? 1 : 0);

    if (answers == 1)
        return NN_OK;
    return nn_fail(
        NN_EUSAGE,
        "%s: %s: give label: COLUMN for classes, target: COLUMNS for numbers to predict, "
        "or unlabelled",
        o->path, answers ? "only one answer can be learned" : "what is to be learned");
}

static bool is_left_out(const table *t, const nn_csv_row *row) {
    int missing = t->options->missing;

    return missing != NN_CSV_MISSING_REFUSE &&
           nn_csv_columns_lack(&t->columns, row, missing == NN_CSV_MISSING_DROP);
}

static int survey_row(void *ctx, const nn_csv_row *row) {
    table *t = ctx;
    const nn_csv_field *label;
    int rc;

    if (!t->started) {
        t->started = true;
        NN_TRY(nn_csv_columns_init(&t->columns, t->options, t->delimiter, row, &t->pool));
        NN_TRY(nn_csv_features_init(&t->features, &t->columns));
        if (t->columns.headed)
            return NN_OK;
    }
    nn_work("reading", t->options->path, 0, 0);
    NN_TRY(nn_csv_columns_check(&t->columns, row));
    if (is_left_out(t, row)) {
        t->lacking++;
        return NN_OK;
    }
    t->rows++;
    NN_TRY(nn_csv_features_survey(&t->features, row));
    if (t->columns.label == t->columns.count)
        return NN_OK;
    label = &row->field[t->columns.label];
    if (!*label->text)
        return nn_csv_fail(t->options->path, label, "the label '%s' is empty",
                           t->columns.column[t->columns.label].name);
    if (t->rows == 1 && t->columns.first_row)
        t->first_label = t->columns.first_row[t->columns.label];
    else if (t->first_label && strcmp(t->first_label, label->text) == 0)
        t->first_label = NULL;
    rc = nn_labels_add(&t->labels, label->text);
    if (rc < 0)
        nn_error_prefix(rc, "%s:%" PRId64 ":%" PRId64, t->options->path, label->line,
                        label->column);
    return rc;
}

/* Names that are numbers make a header look like a sample of a class of its own. */
static void doubt_header(const table *t) {
    double number;

    if (!t->first_label || t->rows < 3 || nn_text_to_real(t->first_label, &number))
        return;
    nn_warn("%s:%" PRId64 ": taken for a sample, but its label '%s' occurs in no other row: if it "
            "is a header, say header: yes (--header yes)",
            t->options->path, t->columns.first_line, t->first_label);
}

/* Numbers to predict look like a great many classes. */
static void doubt_classes(table *t) {
    double number;
    bool reals = !t->labels.integers && t->labels.count > 2;

    for (size_t i = 0; reals && i < t->labels.count; i++)
        reals = nn_text_to_real(t->labels.label[i].text, &number);
    if (reals)
        nn_warn("%s: the numbers of column '%s' become %zu classes: to predict numbers, say "
                "target: instead of label: (--target)",
                t->options->path, t->columns.column[t->columns.label].name, t->labels.count);
}

static int survey(table *t) {
    NN_TRY(check_options(t->options));
    NN_TRY(nn_labels_init(&t->labels));
    t->delimiter = delimiters[t->options->delimiter];
    if (!t->delimiter)
        NN_TRY(nn_csv_guess(t->options->path, &t->delimiter));
    NN_TRY(nn_csv_read(t->options->path, t->delimiter, survey_row, t));
    if (t->rows == 0)
        return nn_fail(NN_EFORMAT, "%s: no rows of data%s", t->options->path,
                       t->lacking ? " without missing values" : "");
    if (t->lacking)
        nn_info("%s: %" PRId64 " rows %s are left out, %" PRId64 " stay", t->options->path,
                t->lacking,
                t->options->missing == NN_CSV_MISSING_DROP ? "with missing values"
                                                           : "without an answer",
                t->rows);
    NN_TRY(nn_csv_features_plan(&t->features, t->rows));
    doubt_header(t);
    doubt_classes(t);
    return nn_labels_number(&t->labels);
}

static int flush(table *t) {
    int64_t first = t->written, count = t->pending;

    NN_TRY(nn_output_rows(&t->output, "train", 'x', first, count, NN_F32, t->x));
    if (t->class)
        NN_TRY(nn_output_rows(&t->output, "train", 'y', first, count, NN_I32, t->class));
    if (t->value)
        NN_TRY(nn_output_rows(&t->output, "train", 'y', first, count, NN_F32, t->value));
    t->written += count;
    t->pending = 0;
    return NN_OK;
}

static int changed(const table *t) {
    return nn_fail(NN_EFORMAT,
                   "%s: changed while it was read; it has to be a file at rest, no pipe",
                   t->options->path);
}

/* The target or the label in column i, where it is one. */
static int store_answer(table *t, const nn_csv_row *row, size_t i) {
    const nn_csv_column *column = &t->columns.column[i];

    if (column->role == NN_CSV_TARGET)
        return nn_csv_number(&t->columns, &row->field[i], i,
                             &t->value[(size_t)t->pending * t->columns.targets + column->place]);
    if (column->role != NN_CSV_LABEL)
        return NN_OK;
    t->class[t->pending] = (int32_t)nn_labels_find(&t->labels, row->field[i].text);
    return t->class[t->pending] < 0 ? changed(t) : NN_OK;
}

static int store_row(table *t, const nn_csv_row *row) {
    NN_TRY(nn_csv_features_row(&t->features, row, t->x + (size_t)t->pending * t->features.count));
    for (size_t i = 0; i < t->columns.count; i++)
        NN_TRY(store_answer(t, row, i));
    t->pending++;
    return t->pending == t->piece_rows ? flush(t) : NN_OK;
}

static int write_row(void *ctx, const nn_csv_row *row) {
    table *t = ctx;

    if (!t->started) {
        t->started = true;
        if (t->columns.headed)
            return NN_OK;
    }
    if (row->count != t->columns.count)
        return changed(t);
    if (is_left_out(t, row))
        return NN_OK;
    if (t->written + t->pending == t->rows)
        return changed(t);
    return store_row(t, row);
}

static int allocate_piece(table *t) {
    size_t rows;

    t->piece_rows = nn_chunk_rows(t->features.count * sizeof(float));
    if (t->piece_rows > t->rows)
        t->piece_rows = t->rows;
    rows = (size_t)t->piece_rows;
    NN_TRY(NN_NEW(&t->x, rows * t->features.count, "rows"));
    if (t->columns.targets)
        NN_TRY(NN_NEW(&t->value, rows * t->columns.targets, "rows"));
    if (t->columns.label < t->columns.count)
        NN_TRY(NN_NEW(&t->class, rows, "rows"));
    return NN_OK;
}

/* Which columns of x are categories of one column: their names alone do not say it. */
static int describe_one_hot(const table *t) {
    const nn_csv_features *f = &t->features;
    double *of = NULL;
    int rc;

    NN_TRY(NN_NEW(&of, f->count, "columns"));
    for (size_t i = 0; i < t->columns.count; i++)
        for (size_t k = 0; f->kind[i].feature_of && k < f->kind[i].labels.count; k++)
            if (f->kind[i].feature_of[k] < f->count)
                of[f->kind[i].feature_of[k]] = (double)(i + 1);
    rc = nn_h5_set_reals(t->output.file, "/", "one_hot", of, f->count);
    nn_free(of);
    return rc;
}

/* What the columns of x are called, where anything says so, and how they are read. */
static int describe_features(table *t) {
    const nn_csv_features *f = &t->features;

    if (t->columns.headed || f->given || f->scale || f->categories.columns ||
        f->count != t->columns.features)
        NN_TRY(nn_h5_set_texts(t->output.file, "/", "feature_names", f->name, f->count));
    NN_TRY(describe_one_hot(t));
    NN_TRY(nn_categories_write(&f->categories, t->output.file, "/"));
    if (f->filled)
        NN_TRY(nn_h5_set_reals(t->output.file, "/", "filled_in", f->filled, f->count));
    if (!f->scale)
        return NN_OK;
    NN_TRY(nn_h5_set_reals(t->output.file, "/", "scale", f->scale, f->count));
    return nn_h5_set_reals(t->output.file, "/", "offset", f->offset, f->count);
}

/* One target column is y [N], several are y [N, d]. */
static int declare(table *t, const char *out) {
    uint64_t row_bytes = (t->features.count + t->columns.targets + 1) * sizeof(float);
    nn_shape x = {1, {(int64_t)t->features.count}},
             y = {t->columns.targets > 1, {(int64_t)t->columns.targets}};
    nn_dtype type = t->class ? nn_labels_type(&t->labels) : NN_F32;

    NN_TRY(nn_output_init(&t->output, out, (uint64_t)t->rows * row_bytes));
    NN_TRY(nn_output_declare(&t->output, "train", 'x', NN_F32, t->rows, &x));
    if (t->class || t->value)
        NN_TRY(nn_output_declare(&t->output, "train", 'y', type, t->rows, &y));
    NN_TRY(describe_features(t));
    return t->class ? nn_labels_write(&t->labels, t->output.file) : NN_OK;
}

static int write(table *t, const char *out) {
    NN_TRY(allocate_piece(t));
    NN_TRY(declare(t, out));
    t->started = false;
    NN_TRY(nn_csv_read(t->options->path, t->delimiter, write_row, t));
    if (t->pending)
        NN_TRY(flush(t));
    nn_csv_features_warn_unknown(&t->features);
    return t->written == t->rows ? NN_OK : changed(t);
}

static int csv_run(const void *options, const char *out) {
    table t = {.options = options};
    int rc;

    NN_TRY_GOTO(survey(&t));
    NN_TRY_GOTO(write(&t, out));
done:
    rc = nn_output_end(&t.output, rc);
    nn_free(t.x);
    nn_free(t.value);
    nn_free(t.class);
    nn_labels_release(&t.labels);
    nn_csv_features_release(&t.features);
    nn_pool_release(&t.pool);
    return rc;
}

const nn_importer_ops nn_importer_csv = {
    .entry = {"csv",
              "Numbers and texts, and a column of classes or of numbers to predict, in a CSV file.",
              nn_csv_table, sizeof(nn_csv_options)},
    .argument = "path",
    .run = csv_run,
};
