#include "data/split.h"

#include "base/numbers/rng.h"
#include "data/dataset.h"
#include "data/output.h"
#include "data/sources/open.h"
#include "data/values/convert.h"
#include "io/files/file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

enum { TRAIN, VALID, TEST, SPLITS };
enum { MAX_DEPTH = 32 /* of groups below /train */ };
static const char *const split_names[SPLITS] = {"train", "valid", "test"};

/* How many rows of one class go where. */
typedef struct quota {
    int64_t rows, valid, test;
} quota;

/* A data set of the new file. */
typedef struct made {
    const char *name;
    const struct made *before;
} made;

typedef struct splitter {
    nn_pool pool;
    const nn_split_options *options;
    nn_dataset *ds;
    nn_h5 *source; /* the file of ds */
    const nn_split *train;
    int64_t total;         /* rows to divide: samples, or tokens of a stream */
    size_t classes;        /* groups that are divided alike; 1 unless stratified */
    unsigned char *labels; /* stored y of /train when stratified */
    quota *quota;          /* [classes] */
    uint8_t *part;         /* [samples]; NULL: a stream is cut */
    int64_t rows[SPLITS];
    nn_output output;
    const made *made; /* the last one */
} splitter;

static int check_options(const splitter *s) {
    const nn_split_options *o = s->options;

    if (!(o->valid > 0) && !(o->test > 0))
        return nn_fail(NN_EUSAGE,
                       "nothing to split off: give valid (--valid) or test (--test) a fraction");
    if (o->valid + o->test >= 1)
        return nn_fail(NN_EUSAGE, "valid = %g and test = %g leave nothing to train on", o->valid,
                       o->test);
    for (int p = VALID; p < SPLITS; p++)
        if ((p == VALID ? o->valid : o->test) > 0 && nn_dataset_split(s->ds, split_names[p]))
            return nn_fail(NN_EUSAGE, "%s has a /%s already", s->ds->path, split_names[p]);
    if (o->stratify && s->train->tokens > 0)
        return nn_fail(NN_EUSAGE, "%s: a stream of tokens is cut; it has no classes to stratify by",
                       s->ds->path);
    if (o->seed != 1 && s->train->tokens > 0)
        return nn_fail(NN_EUSAGE,
                       "%s: a stream of tokens is cut, its end is for test: there is nothing to "
                       "draw, so leave out seed",
                       s->ds->path);
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
static void choose_splits(splitter *s) {
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

static int check_splits(const splitter *s) {
    const double wanted[SPLITS] = {1, s->options->valid, s->options->test};

    for (int p = 0; p < SPLITS; p++)
        if (wanted[p] > 0 && s->rows[p] == 0)
            return nn_fail(NN_EUSAGE, "%s: of %" PRId64 " samples none is left for /%s",
                           s->ds->path, s->total, split_names[p]);
    return NN_OK;
}

/* What follows a token is learned, so that a single one is no text. */
static int check_stream_split(const splitter *s) {
    const double wanted[SPLITS] = {1, s->options->valid, s->options->test};
    int64_t least = 1 + s->train->has_y;

    for (int p = 0; p < SPLITS; p++)
        if (wanted[p] > 0 && s->rows[p] < least)
            return nn_fail(NN_EUSAGE,
                           "%s: of %" PRId64 " tokens %" PRId64 " are left for /%s, which takes at "
                           "least %" PRId64 ": take other fractions, or a longer text",
                           s->ds->path, s->total, s->rows[p], split_names[p], least);
    return NN_OK;
}

/* The beginning of a stream is for training, its end for the others. */
static int plan_stream_split(splitter *s) {
    s->rows[VALID] = llround((double)s->total * s->options->valid);
    s->rows[TEST] = llround((double)s->total * s->options->test);
    s->rows[TRAIN] = s->total - s->rows[VALID] - s->rows[TEST];
    return check_stream_split(s);
}

static int plan(splitter *s) {
    NN_TRY(nn_dataset_find(s->ds, split_names[TRAIN], &s->train));
    NN_TRY(check_options(s));
    s->total = s->train->tokens > 0 ? s->train->tokens : s->train->samples;
    if (s->train->tokens > 0)
        return plan_stream_split(s);
    NN_TRY(read_labels(s));
    NN_TRY(NN_NEW(&s->quota, s->classes, "classes"));
    NN_TRY(NN_NEW(&s->part, (size_t)s->train->samples, "choice of rows"));
    plan_quotas(s);
    choose_splits(s);
    return check_splits(s);
}

/* ---- the new file: a copy of the old one in which the data sets of /train are replaced ------- */

/* A group below /train, whose objects are gone through. */
typedef struct walk {
    splitter *s;
    const char *below; /* "", "/meta", "/meta/more" ...: what stands behind /train */
    int depth;
} walk;

static const char *path_in(splitter *s, const char *split, const char *below) {
    return nn_pool_printf(&s->pool, "/%s%s", split, below);
}

static int make_part(splitter *s, const char *name, int part, const char *old) {
    made *m = nn_pool_alloc(&s->pool, sizeof *m);
    if (!m || !name)
        return NN_EMEMORY;
    *m = (made){name, s->made};
    s->made = m;
    return nn_h5_make_like(s->output.file, name, s->rows[part], s->source, old);
}

static size_t part_of(const void *ctx, int64_t row) {
    const splitter *s = ctx;

    if (s->part)
        return s->part[row];
    return row < s->rows[TRAIN] ? TRAIN : row < s->rows[TRAIN] + s->rows[VALID] ? VALID : TEST;
}

/* Data sets that are split stand in each part under the same name. */
static int divide_dataset(splitter *s, const char *below) {
    const char *name[SPLITS] = {NULL}, *old = path_in(s, split_names[TRAIN], below);

    if (!old)
        return NN_EMEMORY;
    NN_TRY(nn_h5_remove(s->output.file, old));
    for (int p = 0; p < SPLITS; p++) {
        if (s->rows[p] == 0)
            continue;
        name[p] = path_in(s, split_names[p], below);
        NN_TRY(make_part(s, name[p], p, old));
    }
    return nn_h5_deal_rows(s->source, old, part_of, s, s->output.file, name, SPLITS);
}

static int divide_group(splitter *s, const char *below, int depth);

static int divide_object(void *ctx, const char *name, bool is_group) {
    walk *w = ctx;
    splitter *s = w->s;
    const char *below = nn_pool_printf(&s->pool, "%s/%s", w->below, name);
    const char *path = below ? path_in(s, split_names[TRAIN], below) : NULL;
    bool by_row = false;

    if (!path)
        return NN_EMEMORY;
    if (is_group)
        return nn_h5_is_own_group(s->source, path) ? divide_group(s, below, w->depth + 1) : NN_OK;
    NN_TRY(nn_h5_has_rows(s->source, path, s->total, &by_row));
    return by_row ? divide_dataset(s, below) : NN_OK;
}

/* What has a row for each sample, or for each token of a stream, is divided, the rest stays in
 * /train. The groups of the new parts have the attributes of the old ones. */
static int divide_group(splitter *s, const char *below, int depth) {
    walk w = {.s = s, .below = below, .depth = depth};
    const char *old = path_in(s, split_names[TRAIN], below);

    if (!old)
        return NN_EMEMORY;
    if (depth > MAX_DEPTH)
        return nn_fail(NN_EFORMAT, "%s: groups stand more than %d deep in /train", s->ds->path,
                       MAX_DEPTH);
    for (int p = VALID; p < SPLITS; p++) {
        const char *group = path_in(s, split_names[p], below);
        if (!group)
            return NN_EMEMORY;
        if (s->rows[p] == 0)
            continue;
        NN_TRY(nn_h5_make_group(s->output.file, group));
        NN_TRY(nn_h5_copy_attrs(s->output.file, group, s->source, old));
    }
    return nn_h5_list(s->source, old, divide_object, &w);
}

/* What stands in another file is not ours to change. */
static int check_place(const splitter *s) {
    if (nn_h5_is_here(s->source, "/train"))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: /train stands in another file: split that one, or copy the group into this",
                   s->ds->path);
}

/* In a damaged file HDF5 takes for free what is not, and writes over it. */
static int read_again(splitter *s) {
    nn_h5 *file = NULL;
    int rc = nn_h5_close(s->output.file);
    s->output.file = NULL;
    if (rc == 0)
        rc = nn_h5_open(s->output.temporary, &file);
    for (const made *m = s->made; rc == 0 && m; m = m->before)
        rc = nn_h5_deal_rows(file, m->name, NULL, NULL, NULL, NULL, 0);
    (void)nn_h5_close(file);
    if (rc == NN_EFORMAT)
        return nn_fail(rc, "%s is damaged: divided, it cannot be read any more; nothing is written",
                       s->ds->path);
    return rc;
}

static int write(splitter *s, const char *path, const char *out) {
    struct stat status;

    if (stat(path, &status) < 0)
        return nn_fail(NN_EIO, "%s: %s", path, nn_errno_text(errno));
    NN_TRY(check_place(s));
    NN_TRY(nn_h5_refuse_references(s->source));
    NN_TRY(nn_output_copy(&s->output, out, path, (uint64_t)status.st_size));
    NN_TRY(divide_group(s, "", 0));
    return read_again(s);
}

int nn_data_split(const char *path, const nn_split_options *options, const char *out) {
    splitter s = {.options = options};
    int rc;

    NN_TRY_GOTO(nn_dataset_open_linked(path, options->other_files, &s.ds));
    if (options->name)
        s.ds->path = options->name;
    NN_TRY_GOTO(nn_h5_open(path, &s.source));
    if (options->other_files)
        nn_h5_allow_other_files(s.source);
    NN_TRY_GOTO(plan(&s));
    NN_TRY_GOTO(write(&s, path, out));
done:
    rc = nn_output_end(&s.output, rc);
    (void)nn_h5_close(s.source);
    nn_dataset_close(s.ds);
    nn_free(s.labels);
    nn_free(s.quota);
    nn_free(s.part);
    nn_pool_release(&s.pool);
    return rc;
}
