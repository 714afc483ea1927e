#include "data/split.h"

#include "base/rng.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/output.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { TRAIN, VALID, TEST, PARTS };
static const char *const part_names[PARTS] = {"train", "valid", "test"};

static const nn_option split_table[] = {
    {"valid", NN_OPT_REAL, offsetof(nn_split_options, valid), "0", "[0, 1)",
     "fraction of /train that becomes /valid"},
    {"test", NN_OPT_REAL, offsetof(nn_split_options, test), "0", "[0, 1)",
     "fraction of /train that becomes /test"},
    {"stratify", NN_OPT_BOOL, offsetof(nn_split_options, stratify), "false", NULL,
     "take these fractions of each class"},
    {"seed", NN_OPT_INT, offsetof(nn_split_options, seed), "1", "[0, inf)",
     "seed of the random choice"},
    NN_OPTION_END,
};

const nn_entry nn_split_entry = {
    "split", "Divide the training samples of a data set at random into train, valid and test.",
    split_table, sizeof(nn_split_options)};

/* How many rows of one class go where. */
typedef struct quota {
    int64_t rows, valid, test;
} quota;

typedef struct splitter {
    nn_pool pool;
    const nn_split_options *options;
    nn_dataset *ds;
    const nn_split *train;
    size_t classes;        /* groups that are divided alike; 1 unless stratified */
    unsigned char *labels; /* stored y of /train when stratified */
    quota *quota;          /* [classes] */
    uint8_t *part;         /* [samples] */
    int64_t rows[PARTS];
    nn_output output;
} splitter;

static int check_options(const splitter *s) {
    const nn_split_options *o = s->options;

    if (!(o->valid > 0) && !(o->test > 0))
        return nn_fail(NN_EUSAGE, "nothing to split off: give --valid or --test a fraction");
    if (o->valid + o->test >= 1)
        return nn_fail(NN_EUSAGE, "valid = %g and test = %g leave nothing to train on", o->valid,
                       o->test);
    for (int p = VALID; p < PARTS; p++)
        if ((p == VALID ? o->valid : o->test) > 0 && nn_dataset_split(s->ds, part_names[p]))
            return nn_fail(NN_EUSAGE, "%s has a /%s already", s->ds->path, part_names[p]);
    if (o->stratify && !nn_split_has_labels(s->train))
        return nn_fail(NN_EUSAGE,
                       "%s: stratify divides class by class, but /train/y are no classes",
                       s->ds->path);
    return NN_OK;
}

/* Ignored rows (-1) are a class of their own. */
static quota *quota_of(const splitter *s, int64_t row) {
    if (!s->options->stratify)
        return s->quota;
    return s->quota + 1 + nn_stored_integer(s->train->y.type, s->labels, (size_t)row);
}

static int read_labels(splitter *s) {
    size_t bytes = (size_t)s->train->samples * s->train->y.row_bytes;

    s->classes = 1;
    if (!s->options->stratify)
        return NN_OK;
    s->classes = (size_t)s->ds->classes + 1;
    NN_TRY(NN_NEW(&s->labels, bytes, "labels"));
    return nn_dataset_read(s->ds, s->train, 'y', 0, s->train->samples, s->labels);
}

static void plan_quotas(splitter *s) {
    for (int64_t i = 0; i < s->train->samples; i++)
        quota_of(s, i)->rows++;
    for (size_t c = 0; c < s->classes; c++) {
        quota *q = &s->quota[c];
        q->valid = llround((double)q->rows * s->options->valid);
        q->test = llround((double)q->rows * s->options->test);
        if (q->valid + q->test > q->rows)
            q->test = q->rows - q->valid;
    }
}

/* In a random order, the first rows of each class go to valid, the next to test. */
static void choose_parts(splitter *s) {
    nn_permutation order = nn_permutation_of((uint64_t)s->options->seed, nn_hash_text("split"),
                                             (uint64_t)s->train->samples);

    for (int64_t i = 0; i < s->train->samples; i++) {
        int64_t row = (int64_t)nn_permutation_at(&order, (uint64_t)i);
        quota *q = quota_of(s, row);
        int part = q->valid > 0 ? VALID : q->test > 0 ? TEST : TRAIN;
        q->valid -= part == VALID;
        q->test -= part == TEST;
        s->part[row] = (uint8_t)part;
        s->rows[part]++;
    }
}

static int check_parts(const splitter *s) {
    const double wanted[PARTS] = {1, s->options->valid, s->options->test};

    for (int p = 0; p < PARTS; p++)
        if (wanted[p] > 0 && s->rows[p] == 0)
            return nn_fail(NN_EUSAGE, "%s: of %" PRId64 " samples none is left for /%s",
                           s->ds->path, s->train->samples, part_names[p]);
    return NN_OK;
}

static int plan(splitter *s) {
    NN_TRY(nn_dataset_find(s->ds, part_names[TRAIN], &s->train));
    NN_TRY(check_options(s));
    NN_TRY(read_labels(s));
    NN_TRY(NN_NEW(&s->quota, s->classes, "classes"));
    NN_TRY(NN_NEW(&s->part, (size_t)s->train->samples, "choice of rows"));
    plan_quotas(s);
    choose_parts(s);
    return check_parts(s);
}

/* Moves the rows of `part` to the front of `to`; returns how many. */
static int64_t pick_rows(const splitter *s, int part, int64_t first, int64_t count, size_t bytes,
                         const unsigned char *from, unsigned char *to) {
    int64_t picked = 0;

    for (int64_t i = 0; i < count; i++)
        if (s->part[first + i] == part)
            memcpy(to + (size_t)picked++ * bytes, from + (size_t)i * bytes, bytes);
    return picked;
}

/* A field of a split on its way. */
typedef struct stream {
    const nn_split *split;
    char name;
    nn_field field;                /* as it is written */
    bool floats;                   /* x is written as the floats it is read as */
    nn_converter convert;          /* then: how */
    unsigned char *stored;         /* then: rows as they were; else NULL */
    unsigned char *piece, *picked; /* [rows][row_bytes] */
    int64_t rows, written[PARTS];
} stream;

static int divide_piece(splitter *s, stream *t, int64_t first, int64_t count) {
    for (int p = 0; p < PARTS; p++) {
        int64_t n = pick_rows(s, p, first, count, t->field.row_bytes, t->piece, t->picked);
        if (n > 0)
            NN_TRY(nn_output_rows(&s->output, part_names[p], t->name, t->written[p], n,
                                  t->field.type, t->picked));
        t->written[p] += n;
    }
    return NN_OK;
}

static int read_piece(splitter *s, stream *t, int64_t first, int64_t count) {
    if (!t->floats)
        return nn_dataset_read(s->ds, t->split, t->name, first, count, t->piece);
    NN_TRY(nn_dataset_read(s->ds, t->split, t->name, first, count, t->stored));
    nn_converter_apply(&t->convert, (size_t)count, t->stored, (nn_real *)(void *)t->piece);
    return NN_OK;
}

static int pump(splitter *s, stream *t) {
    for (int64_t first = 0; first < t->split->samples; first += t->rows) {
        int64_t left = t->split->samples - first, count = left < t->rows ? left : t->rows;
        NN_TRY(read_piece(s, t, first, count));
        if (t->split == s->train)
            NN_TRY(divide_piece(s, t, first, count));
        else
            NN_TRY(nn_output_rows(&s->output, t->split->name, t->name, first, count, t->field.type,
                                  t->piece));
    }
    return NN_OK;
}

static int declare(splitter *s, const stream *t) {
    if (t->split != s->train)
        return nn_output_declare(&s->output, t->split->name, t->name, t->field.type,
                                 t->split->samples, &t->field.shape);
    for (int p = 0; p < PARTS; p++)
        if (s->rows[p] > 0)
            NN_TRY(nn_output_declare(&s->output, part_names[p], t->name, t->field.type, s->rows[p],
                                     &t->field.shape));
    return NN_OK;
}

/* Scales that differ from element to element are applied here, once and for all. */
static int make_floats(splitter *s, stream *t) {
    t->floats = true;
    NN_TRY(nn_converter_init(&t->convert, &t->field, &s->ds->affine, NN_AS_STORED, &s->pool));
    NN_TRY(NN_NEW(&t->stored, (size_t)t->rows * t->field.row_bytes, "rows"));
    t->field.type = NN_F32;
    t->field.row_bytes = nn_shape_count(&t->field.shape) * sizeof(nn_real);
    return NN_OK;
}

static int copy_field(splitter *s, const nn_split *split, char name) {
    const nn_field *field = nn_split_field(split, name);
    stream t = {
        .split = split, .name = name, .field = *field, .rows = nn_piece_rows(field->row_bytes)};
    int rc;

    if (name == 'x' && s->ds->affine.count > 1)
        NN_TRY_GOTO(make_floats(s, &t));
    NN_TRY_GOTO(NN_NEW(&t.piece, (size_t)t.rows * t.field.row_bytes, "rows"));
    NN_TRY_GOTO(NN_NEW(&t.picked, (size_t)t.rows * t.field.row_bytes, "rows"));
    NN_TRY_GOTO(declare(s, &t));
    NN_TRY_GOTO(pump(s, &t));
done:
    nn_free(t.stored);
    nn_free(t.piece);
    nn_free(t.picked);
    return rc;
}

static int copy_split(splitter *s, const nn_split *split) {
    NN_TRY(copy_field(s, split, 'x'));
    if (split->has_y)
        NN_TRY(copy_field(s, split, 'y'));
    if (split->has_w)
        NN_TRY(copy_field(s, split, 'w'));
    return split->has_length ? copy_field(s, split, NN_FIELD_LENGTH) : NN_OK;
}

static int copy_attributes(splitter *s) {
    const nn_dataset *ds = s->ds;

    if (ds->affine.count == 1) {
        NN_TRY(nn_h5_set_real(s->output.file, "/", "scale", ds->affine.scale[0]));
        NN_TRY(nn_h5_set_real(s->output.file, "/", "offset", ds->affine.offset[0]));
    }
    if (ds->class_names)
        NN_TRY(
            nn_h5_set_texts(s->output.file, "/", "classes", ds->class_names, (size_t)ds->classes));
    return NN_OK;
}

static uint64_t stored_bytes(const nn_dataset *ds) {
    uint64_t bytes = 0;

    for (size_t i = 0; i < ds->splits; i++)
        bytes +=
            (uint64_t)ds->split[i].samples * (ds->split[i].x.row_bytes + ds->split[i].y.row_bytes);
    return bytes;
}

static int write(splitter *s, const char *out) {
    NN_TRY(nn_output_init(&s->output, out, stored_bytes(s->ds)));
    NN_TRY(copy_attributes(s));
    for (size_t i = 0; i < s->ds->splits; i++)
        NN_TRY(copy_split(s, &s->ds->split[i]));
    return NN_OK;
}

int nn_data_split(const char *path, const nn_split_options *options, const char *out) {
    splitter s = {.options = options};
    int rc;

    NN_TRY_GOTO(nn_dataset_open_path(path, &s.ds));
    NN_TRY_GOTO(plan(&s));
    NN_TRY_GOTO(write(&s, out));
done:
    rc = nn_output_end(&s.output, rc);
    nn_dataset_close(s.ds);
    nn_free(s.labels);
    nn_free(s.quota);
    nn_free(s.part);
    nn_pool_release(&s.pool);
    return rc;
}
