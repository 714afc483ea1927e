/* Pictures of one size: a row of the new one is a mix of rows of the old one, and its pixels are
 * mixes of that. */
#include "base/error.h"
#include "data/importers/images/picture.h"

#include <math.h>
#include <string.h>

/* A side of the picture: the stretch [from, from + length) of it becomes `out` pixels. */
typedef struct side {
    double from, length;
    int64_t in, out;
} side;

/* The pixels of the stretch that make one of the new ones, and what each counts. */
typedef struct mix {
    int64_t first, count;
    float *weight; /* [count] */
} mix;

static double reach_of(const side *s) {
    double scale = s->length / (double)s->out;

    return scale > 1 ? scale : 1;
}

/* Pixels that a mix has at most. */
static size_t most_of(const side *s) {
    return (size_t)ceil(2 * reach_of(s)) + 2;
}

/* A triangle as wide as a new pixel, at least as an old one. */
static void mix_for(const side *s, int64_t i, mix *m) {
    double reach = reach_of(s), middle = s->from + ((double)i + 0.5) * s->length / (double)s->out;
    int64_t end = (int64_t)fmin(ceil(middle + reach), (double)s->in);
    double sum = 0;

    m->first = (int64_t)fmax(floor(middle - reach), 0);
    m->count = end - m->first;
    for (int64_t k = 0; k < m->count; k++) {
        double away = fabs(((double)(m->first + k) + 0.5 - middle) / reach);
        m->weight[k] = (float)(away < 1 ? 1 - away : 0);
        sum += (double)m->weight[k];
    }
    for (int64_t k = 0; k < m->count; k++)
        m->weight[k] = (float)((double)m->weight[k] / sum);
}

/* What it takes to make one row of the new picture. */
typedef struct fitter {
    const nn_picture *picture;
    side across, down;
    mix *columns;  /* [across.out] */
    mix rows;      /* of the row under way */
    float *weight; /* of all of them */
    float *row;    /* [width of the picture][channels], the mix of rows */
} fitter;

static int fitter_init(fitter *f) {
    size_t across = most_of(&f->across), down = most_of(&f->down);
    size_t width = (size_t)f->across.out;

    NN_TRY(NN_NEW(&f->columns, width, "picture"));
    NN_TRY(NN_NEW(&f->weight, width * across + down, "picture"));
    NN_TRY(NN_NEW(&f->row, (size_t)(f->picture->width * f->picture->channels), "picture"));
    for (size_t k = 0; k < width; k++) {
        f->columns[k].weight = f->weight + k * across;
        mix_for(&f->across, (int64_t)k, &f->columns[k]);
    }
    f->rows.weight = f->weight + width * across;
    return NN_OK;
}

static void mix_rows(fitter *f) {
    size_t width = (size_t)(f->picture->width * f->picture->channels);

    memset(f->row, 0, width * sizeof *f->row);
    for (int64_t k = 0; k < f->rows.count; k++) {
        const unsigned char *in = f->picture->pixel + (size_t)(f->rows.first + k) * width;
        for (size_t e = 0; e < width; e++)
            f->row[e] += f->rows.weight[k] * (float)in[e];
    }
}

static void mix_columns(const fitter *f, unsigned char *out) {
    size_t channels = (size_t)f->picture->channels;

    for (int64_t k = 0; k < f->across.out; k++) {
        const mix *m = &f->columns[k];
        for (size_t c = 0; c < channels; c++) {
            float sum = 0;
            for (int64_t e = 0; e < m->count; e++)
                sum += m->weight[e] * f->row[(size_t)(m->first + e) * channels + c];
            *out++ = (unsigned char)(sum + 0.5f);
        }
    }
}

/* The middle part of the picture that has the proportions asked for. */
static void crop_sides(side *across, side *down) {
    double wanted = (double)across->out / (double)down->out;

    if (across->length > wanted * down->length)
        across->length = wanted * down->length;
    else
        down->length = across->length / wanted;
    across->from = ((double)across->in - across->length) / 2;
    down->from = ((double)down->in - down->length) / 2;
}

static int scale(const nn_picture *p, bool crop, int64_t height, int64_t width,
                 unsigned char *out) {
    fitter f = {.picture = p,
                .across = {0, (double)p->width, p->width, width},
                .down = {0, (double)p->height, p->height, height}};
    int rc;

    if (crop)
        crop_sides(&f.across, &f.down);
    NN_TRY_GOTO(fitter_init(&f));
    for (int64_t i = 0; i < height; i++) {
        mix_for(&f.down, i, &f.rows);
        mix_rows(&f);
        mix_columns(&f, out + (size_t)(i * width * p->channels));
    }
done:
    nn_free(f.columns);
    nn_free(f.weight);
    nn_free(f.row);
    return rc;
}

static void to_grey(size_t count, const unsigned char *in, unsigned char *out) {
    for (size_t i = 0; i < count; i++) {
        unsigned red = in[3 * i], green = in[3 * i + 1], blue = in[3 * i + 2];
        out[i] = (unsigned char)((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16);
    }
}

static void to_colours(size_t count, const unsigned char *in, unsigned char *out) {
    for (size_t i = 0; i < count; i++)
        memset(out + 3 * i, in[i], 3);
}

/* Makes the channels those asked for, in memory of its own where that takes more. */
static int convert(nn_picture *p, int64_t channels, unsigned char **own) {
    size_t count = (size_t)(p->width * p->height);

    if (p->channels == channels)
        return NN_OK;
    NN_TRY(NN_NEW(own, count * (size_t)channels, "picture"));
    (channels == 1 ? to_grey : to_colours)(count, p->pixel, *own);
    p->pixel = *own;
    p->channels = channels;
    return NN_OK;
}

int nn_picture_fit(const nn_picture *picture, bool crop, int64_t height, int64_t width,
                   int64_t channels, unsigned char *out) {
    nn_picture p = *picture;
    unsigned char *own = NULL;
    int rc = convert(&p, channels, &own);

    if (rc >= 0 && p.height == height && p.width == width)
        memcpy(out, p.pixel, (size_t)(height * width * channels));
    else if (rc >= 0)
        rc = scale(&p, crop, height, width, out);
    nn_free(own);
    return rc;
}
