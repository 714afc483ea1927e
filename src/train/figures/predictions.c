/* What a model says about samples: of classes, or of a number. */
#include "base/numbers/compare.h"
#include "nn/metrics/metrics.h"
#include "train/figures/inner.h"
#include "train/filters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CLASSES 100 /* of a confusion matrix */
#define MOST_ROC 10      /* classes with a curve, the first ones; plot_roc says so */
#define BINS 10
#define WORST 24
#define ROC_POINTS 200

/* A sample that was mistaken, with its picture where it is one. */
typedef struct mistake {
    int64_t sample;
    size_t label, said;
    double likeness; /* of its own class, as figures_likeness() has it */
    unsigned char *pixels;
} mistake;

/* What is kept of the samples. */
typedef struct seen {
    const figures *f;
    nn_plot *plot;
    size_t outputs, classes, curves, count, capacity; /* curves: classes with one */
    const char *split;
    const char **class;     /* [classes] */
    nn_metric_spec reading; /* how outputs are read as classes */
    bool scores;            /* outputs are no probabilities */
    int32_t *label;         /* [count] classes, */
    int32_t *guess;         /* [count] those that the model says, */
    double *sure;           /* [count] how likely it finds that, */
    double *likeness;       /* [count][curves] and the classes with a curve; */
    double (*pair)[2];      /* [count] or the number that is to be predicted, and what it says */
    nn_real *y;             /* [outputs] what it says of one sample */
    nn_shape image;         /* [H, W, C]; rank 0: samples are no pictures */
    mistake worst[WORST + 1];
    size_t worsts;
} seen;

static nn_figure *add(seen *s, nn_figure_kind kind, const char *id, const char *title,
                      const char *about) {
    const char *where =
        nn_pool_printf(s->plot->pool, "%s %zu samples of '%s'.", about, s->count, s->split);
    return where ? figures_add(s->f, kind, id, title, where) : NULL;
}

/* ---- looking at samples -----------------------------------------------------------------------
 */

/* What samples and classes are like. */
static int begin(seen *s, const nn_session *session, const char *split, const nn_batch *batch) {
    nn_shape shape = nn_model_input_shape(session->model);
    nn_pool *pool = s->plot->pool;
    s->outputs = session->outputs;
    s->reading = nn_metric_spec_of(session->loss);
    s->split = nn_pool_strdup(pool, split);
    s->classes = figures_classes(s->f, &batch->target);
    s->image = nn_picture_shape(&shape);
    s->curves = s->classes < MOST_ROC ? s->classes : MOST_ROC;
    s->class = nn_pool_alloc(pool, s->classes * sizeof *s->class);
    s->y = nn_pool_alloc(pool, s->outputs * sizeof *s->y);
    if (!s->split || !s->class || !s->y)
        return NN_EMEMORY;
    for (size_t i = 0; i < s->classes; i++) {
        s->class[i] = figures_class_name(s->f, i);
        if (!s->class[i])
            return NN_EMEMORY;
    }
    return 0;
}

/* Room for the numbers of `more` samples. */
static int make_room(seen *s, size_t more) {
    size_t wanted = s->count + more;
    if (wanted <= s->capacity)
        return 0;
    wanted = wanted > 2 * s->capacity ? wanted : 2 * s->capacity;
    int32_t *label = nn_pool_alloc(s->plot->pool, wanted * sizeof *label);
    int32_t *guess = nn_pool_alloc(s->plot->pool, wanted * sizeof *guess);
    double *sure = nn_pool_alloc(s->plot->pool, wanted * sizeof *sure);
    double *likeness = nn_pool_alloc(s->plot->pool, wanted * s->curves * sizeof *likeness);
    double(*pair)[2] = nn_pool_alloc(s->plot->pool, wanted * sizeof *pair);
    if (!label || !guess || !sure || !likeness || !pair)
        return NN_EMEMORY;
    if (s->count) {
        memcpy(label, s->label, s->count * sizeof *label);
        memcpy(guess, s->guess, s->count * sizeof *guess);
        memcpy(sure, s->sure, s->count * sizeof *sure);
        memcpy(likeness, s->likeness, s->count * s->curves * sizeof *likeness);
        memcpy(pair, s->pair, s->count * sizeof *pair);
    }
    s->label = label;
    s->guess = guess;
    s->sure = sure;
    s->likeness = likeness;
    s->pair = pair;
    s->capacity = wanted;
    return 0;
}

/* Of the sample under way. */
static double likeness_of(const seen *s, size_t class) {
    return figures_likeness(&s->reading, s->outputs, s->y, class);
}

/* Keeps the mistakes whose own class is the least probable, in this order. */
static int note_mistake(seen *s, const nn_session *session, const nn_batch *batch, size_t row) {
    size_t at = s->count - 1, own = (size_t)s->label[at];
    mistake m = {batch->sample[row], own, (size_t)s->guess[at], likeness_of(s, own), NULL};
    size_t place = s->worsts;
    if (m.said == own)
        return 0;
    while (place > 0 && m.likeness < s->worst[place - 1].likeness)
        place--;
    if (place == WORST)
        return 0;
    if (s->image.rank) {
        nn_shape input = nn_model_input_shape(session->model);
        m.pixels = figures_pixels(s->plot, nn_shape_count(&s->image),
                                  batch->x + row * nn_shape_count(&input));
        if (!m.pixels)
            return NN_EMEMORY;
    }
    memmove(s->worst + place + 1, s->worst + place, (s->worsts - place) * sizeof m);
    s->worst[place] = m;
    s->worsts += s->worsts < WORST;
    return 0;
}

/* What the model says of the sample that is kept next, s->y. */
static void keep_class(seen *s, int32_t label, size_t guess) {
    s->scores = s->scores || figures_are_scores(&s->reading, s->outputs, s->y);
    s->label[s->count] = label;
    s->guess[s->count] = (int32_t)guess;
    s->sure[s->count] = likeness_of(s, guess);
    for (size_t c = 0; c < s->curves; c++)
        s->likeness[s->count * s->curves + c] = likeness_of(s, c);
}

static int see(void *ctx, const nn_session *session, const char *split, const nn_batch *batch,
               const nn_real *z) {
    seen *s = ctx;
    const nn_target *target = &batch->target;
    if (session->positions > 1 || (!target->label && session->outputs > 1))
        return 0;
    if (!s->split)
        NN_TRY(begin(s, session, split, batch));
    NN_TRY(make_room(s, batch->count));
    for (size_t i = 0; i < batch->count; i++) {
        if (target->label && (target->label[i] < 0 || (size_t)target->label[i] >= s->classes))
            continue;
        const nn_real *row = z + i * s->outputs;
        nn_loss_activation(session->loss, 1, row, s->y);
        if (target->label) {
            keep_class(s, target->label[i],
                       nn_metric_predicted(&s->reading, s->reading.threshold, row));
        } else {
            s->pair[s->count][0] = (double)target->value[i * target->width];
            s->pair[s->count][1] = (double)*s->y;
        }
        s->count++;
        if (target->label)
            NN_TRY(note_mistake(s, session, batch, i));
    }
    return 0;
}

/* ---- classes ----------------------------------------------------------------------------------
 */

static int plot_confusion(seen *s) {
    const char *id = figures_id(s->f, "confusion");
    if (!id)
        return NN_EMEMORY;
    if (nn_plot_find(s->plot, id) || s->classes > MOST_CLASSES) /* found: a metric of the run */
        return 0;
    nn_figure *f =
        add(s, NN_FIGURE_HEAT, "confusion", "Confusion matrix",
            "What is on the diagonal is right; a row adds up to the samples of a class.");
    double *value = nn_pool_alloc(s->plot->pool, s->classes * s->classes * sizeof *value);
    if (!f || !value || nn_figure_table(s->plot, f, s->classes, s->classes) < 0)
        return NN_EMEMORY;
    f->x = "predicted";
    f->y = "class";
    f->value = value;
    for (size_t i = 0; i < s->count; i++)
        value[(size_t)s->label[i] * s->classes + (size_t)s->guess[i]]++;
    for (size_t c = 0; c < s->classes; c++)
        f->row[c] = f->column[c] = s->class[c];
    return 0;
}

typedef struct scored {
    double score;
    bool own;
} scored;

static int by_score(const void *a, const void *b) {
    const scored *p = a, *q = b;
    return (p->score < q->score) - (p->score > q->score);
}

/* The page wants one y for each x: what rises at one x ends a hair to its right. */
static void add_point(double *x, double *y, size_t *points, double to_x, double to_y) {
    const double hair = 1e-9;
    size_t last = *points - 1;
    if (to_x > x[last])
        x[++last] = to_x;
    else if (to_x == x[last])
        x[++last] = to_x + hair;
    y[last] = to_y;
    *points = last + 1;
}

/* One class against the rest: the share of its samples that is found over the share of others that
 * is taken for it, as the threshold falls. */
static int add_roc(seen *s, nn_figure *f, size_t class, scored *sample) {
    size_t own = 0, points = 1, hit = 0, miss = 0;
    double area = 0, *x = nn_pool_alloc(s->plot->pool, (ROC_POINTS + 2) * sizeof *x);
    double *y = nn_pool_alloc(s->plot->pool, (ROC_POINTS + 2) * sizeof *y);
    if (!x || !y)
        return NN_EMEMORY;
    for (size_t i = 0; i < s->count; i++) {
        sample[i] = (scored){s->likeness[i * s->curves + class], (size_t)s->label[i] == class};
        own += sample[i].own;
    }
    if (own == 0 || own == s->count)
        return 0;
    qsort(sample, s->count, sizeof *sample, by_score);
    double positives = (double)own, negatives = (double)(s->count - own), from_x = 0, from_y = 0;
    for (size_t i = 0; i < s->count; i++) {
        hit += sample[i].own;
        miss += !sample[i].own;
        if (i + 1 < s->count && sample[i + 1].score == sample[i].score)
            continue;
        double to_x = (double)miss / negatives, to_y = (double)hit / positives;
        area += (to_x - from_x) * (to_y + from_y) / 2;
        from_x = to_x;
        from_y = to_y;
        if (fabs(to_x - x[points - 1]) + fabs(to_y - y[points - 1]) >= 2.0 / ROC_POINTS ||
            i + 1 == s->count)
            add_point(x, y, &points, to_x, to_y);
    }
    const char *name = nn_pool_printf(s->plot->pool, "%s (area %.4f)", s->class[class], area);
    nn_series series = {name, f->series, NN_LINE_SOLID, points, x, y};
    return name ? nn_figure_series(s->plot, f, series) : NN_EMEMORY;
}

static int plot_roc(seen *s) {
    scored *sample = nn_pool_alloc(s->plot->pool, s->count * sizeof *sample);
    const char *which = s->curves < s->classes ? " of the first 10 classes" : " class";
    const char *about =
        nn_pool_printf(s->plot->pool,
                       "For each%s: how many of its samples are found, over how many others are "
                       "taken for it. The area is 1 where a threshold separates them.",
                       which);
    nn_figure *f = about ? add(s, NN_FIGURE_LINES, "roc", "ROC", about) : NULL;
    if (!sample || !f)
        return NN_EMEMORY;
    f->x = "false positive rate";
    f->y = "true positive rate";
    for (size_t c = s->classes == 2; c < s->curves; c++)
        NN_TRY(add_roc(s, f, c, sample));
    if (f->series == 0)
        nn_plot_drop(s->plot);
    return 0;
}

/* By how sure the model is: how often it is right. */
static int plot_calibration(seen *s) {
    static const double ends[] = {0, 1};
    double *x = nn_pool_alloc(s->plot->pool, BINS * sizeof *x);
    double *y = nn_pool_alloc(s->plot->pool, BINS * sizeof *y);
    size_t bins = 0;
    nn_figure *f = add(s, NN_FIGURE_LINES, "calibration", "Calibration",
                       "How often the model is right, over how sure it is. Below the diagonal it "
                       "is too sure of itself.");
    if (!x || !y || !f)
        return NN_EMEMORY;
    for (int b = 0; b < BINS; b++) {
        double sure = 0, right = 0, count = 0;
        for (size_t i = 0; i < s->count; i++) {
            double p = s->sure[i];
            if ((int)fmin(fmax(p, 0) * BINS, BINS - 1) != b)
                continue;
            sure += p;
            right += s->guess[i] == s->label[i];
            count++;
        }
        if (count > 0) {
            x[bins] = sure / count;
            y[bins++] = right / count;
        }
    }
    f->x = "confidence";
    f->y = "accuracy";
    NN_TRY(nn_figure_series(s->plot, f, (nn_series){"perfect", 7, NN_LINE_DASHED, 2, ends, ends}));
    return nn_figure_series(s->plot, f, (nn_series){"model", 0, NN_LINE_SOLID, bins, x, y});
}

/* Pictures, or rows of a table. */
static int plot_worst(seen *s) {
    bool pictures = s->image.rank > 0;
    nn_figure *f =
        add(s, pictures ? NN_FIGURE_IMAGES : NN_FIGURE_TABLE, "mistakes", "The worst mistakes",
            s->scores ? "Samples to whose own class the model gives the lowest scores, of"
                      : "Samples whose own class the model finds the least probable, of");
    if (!f || nn_figure_table(s->plot, f, s->worsts, 4) < 0)
        return NN_EMEMORY;
    f->column[0] = "class";
    f->column[1] = "predicted";
    f->column[2] = s->scores ? "score of its class" : "probability of its class";
    f->column[3] = pictures ? "picture" : "row of the split";
    for (size_t i = 0; i < s->worsts; i++) {
        const mistake *m = &s->worst[i];
        const char **cell = f->cell + i * 4;
        f->row[i] = nn_pool_printf(s->plot->pool, "sample %lld", (long long)m->sample);
        cell[0] = s->class[m->label];
        cell[1] = s->class[m->said];
        cell[2] = nn_pool_printf(s->plot->pool, "%.3g", m->likeness);
        cell[3] = pictures ? nn_plot_picture(s->plot, &s->image, m->pixels)
                           : nn_pool_printf(s->plot->pool, "%lld", (long long)m->sample);
        if (!f->row[i] || !cell[2] || !cell[3])
            return NN_EMEMORY;
    }
    if (s->worsts == 0)
        nn_plot_drop(s->plot);
    return 0;
}

/* ---- a number ---------------------------------------------------------------------------------
 */

static int plot_values(seen *s) {
    double *x = nn_pool_alloc(s->plot->pool, s->count * sizeof *x);
    double *y = nn_pool_alloc(s->plot->pool, s->count * sizeof *y);
    nn_figure *f = add(s, NN_FIGURE_LINES, "values", "Predicted and true values",
                       "On the line what is predicted is true.");
    if (!x || !y || !f)
        return NN_EMEMORY;
    qsort(s->pair, s->count, sizeof *s->pair, nn_compare_reals);
    for (size_t i = 0; i < s->count; i++) {
        x[i] = s->pair[i][0];
        y[i] = s->pair[i][1];
    }
    f->x = "true value";
    f->y = "predicted value";
    NN_TRY(nn_figure_series(s->plot, f, (nn_series){"equal", 7, NN_LINE_DASHED, s->count, x, x}));
    return nn_figure_series(s->plot, f, (nn_series){"samples", 0, NN_LINE_POINTS, s->count, x, y});
}

static int plot_seen(seen *s) {
    if (s->count == 0)
        return 0;
    if (s->classes == 0)
        return plot_values(s);
    NN_TRY(plot_confusion(s));
    NN_TRY(plot_roc(s));
    if (!s->scores)
        NN_TRY(plot_calibration(s));
    return plot_worst(s);
}

int figures_of_samples(const figures *f) {
    seen s = {.f = f, .plot = f->plot};
    NN_TRY(nn_probe_rows(f->probe, f->wanted->samples, see, &s));
    return plot_seen(&s);
}
