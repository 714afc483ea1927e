#include "cli/verbs/predict_out.h"

#include "base/text.h"
#include "io/files/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- CSV: sample, file where there are names, position where there are several, label, one column
 * an output ---- */

static int fail_write(const nn_predict_writer *w) {
    return nn_fail(NN_EIO, "cannot write %s: %s", w->path, strerror(errno));
}

static int csv_open(nn_predict_writer *w) {
    w->text = fopen(w->temporary, "w");
    if (!w->text)
        return fail_write(w);
    fputs("sample", w->text);
    fputs(w->files ? ",file" : "", w->text);
    fputs(w->positions > 1 ? ",position" : "", w->text);
    fputs(w->labels ? ",label" : "", w->text);
    for (size_t i = 0; i < w->outputs; i++) {
        if (w->names && w->outputs == w->classes) {
            fputc(',', w->text);
            nn_text_put_field(w->text, w->names[i]);
        } else {
            fprintf(w->text, ",y%zu", i + (w->outputs > 1 ? (size_t)w->first_label : 0));
        }
    }
    return fputc('\n', w->text) < 0 ? fail_write(w) : 0;
}

static int csv_rows(nn_predict_writer *w, int64_t first, int64_t count, char *const *file,
                    const float *y, const int32_t *label) {
    int64_t positions = (int64_t)w->positions;
    for (int64_t r = 0; r < count * positions; r++, y += w->outputs) {
        if (label[r] < w->first_label)
            continue;
        fprintf(w->text, "%" PRId64, first + r / positions);
        if (w->files) {
            fputc(',', w->text);
            nn_text_put_field(w->text, file[r / positions]);
        }
        if (positions > 1)
            fprintf(w->text, ",%" PRId64, r % positions);
        if (w->labels && w->names && (size_t)(label[r] - w->first_label) < w->classes) {
            fputc(',', w->text);
            nn_text_put_field(w->text, w->names[label[r] - w->first_label]);
        } else if (w->labels) {
            fprintf(w->text, ",%d", label[r]);
        }
        for (size_t i = 0; i < w->outputs; i++)
            fprintf(w->text, ",%.9g", nn_plain_nan((double)y[i]));
        fputc('\n', w->text);
    }
    return ferror(w->text) ? fail_write(w) : 0;
}

static int csv_close(nn_predict_writer *w) {
    bool bad = w->text && ferror(w->text);
    if (w->text && (fclose(w->text) != 0 || bad))
        return fail_write(w);
    return 0;
}

/* ---- HDF5: /y [N, outputs], /label [N], with a dimension for positions, /file [N]; attributes
 * classes and, where it is not 0, first_label ---- */

static int h5_open(nn_predict_writer *w) {
    int64_t positions = (int64_t)w->positions, outputs = (int64_t)w->outputs;
    int64_t dim[3] = {w->samples, positions > 1 ? positions : outputs, outputs};
    int more = positions > 1;
    NN_TRY(nn_h5_create(w->temporary, &w->h5));
    NN_TRY(nn_h5_write(w->h5, "/y", NN_F32, 2 + more, dim, 0, 0, NULL));
    if (w->labels)
        NN_TRY(nn_h5_write(w->h5, "/label", NN_I32, 1 + more, dim, 0, 0, NULL));
    if (w->files)
        NN_TRY(nn_h5_make_texts(w->h5, "/file", w->longest, w->samples));
    if (w->labels && w->names)
        NN_TRY(nn_h5_set_texts(w->h5, "/", "classes", w->names, w->classes));
    if (w->labels && w->first_label)
        NN_TRY(nn_h5_set_int(w->h5, "/", "first_label", w->first_label));
    return 0;
}

static int h5_rows(nn_predict_writer *w, int64_t first, int64_t count, char *const *file,
                   const float *y, const int32_t *label) {
    NN_TRY(nn_h5_write_rows(w->h5, "/y", first, count, NN_F32, y));
    if (w->labels)
        NN_TRY(nn_h5_write_rows(w->h5, "/label", first, count, NN_I32, label));
    if (w->files)
        NN_TRY(nn_h5_write_texts(w->h5, "/file", first, count, (const char *const *)file));
    return 0;
}

static int h5_close(nn_predict_writer *w) {
    return nn_h5_close(w->h5);
}

/* ---- both ----------------------------------------------------------------------------------- */

static const nn_predict_format formats[] = {
    {".csv", false, csv_open, csv_rows, csv_close},
    {".h5", true, h5_open, h5_rows, h5_close},
    {".hdf5", true, h5_open, h5_rows, h5_close},
};

int nn_predict_format_of(const char *path, const nn_predict_format **format) {
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t ending = strlen(formats[i].ending);
        *format = &formats[i];
        if (length > ending && strcmp(path + length - ending, formats[i].ending) == 0)
            return 0;
    }
    return nn_fail(NN_EUSAGE, "--out: %s ends neither in .h5 nor in .csv", path);
}

int nn_predict_writer_open(nn_predict_writer *w) {
    NN_TRY(nn_file_replace(&w->pool, w->path, NULL, &w->path, &w->temporary));
    return w->format->open(w);
}

int nn_predict_writer_rows(nn_predict_writer *w, int64_t first, int64_t count, char *const *file,
                           const float *y, const int32_t *label) {
    return w->format->rows(w, first, count, file, y, label);
}

/* The file that is under way becomes the one that was asked for, unless rc or closing it fails. */
static int publish(nn_predict_writer *w, int rc) {
    int closed = w->format->close(w);
    if (rc >= 0)
        rc = closed;
    if (rc >= 0)
        return nn_file_publish(w->temporary, w->path);
    nn_temporary_discard(w->temporary);
    return rc;
}

int nn_predict_writer_close(nn_predict_writer *w, int rc) {
    if (w->temporary)
        rc = publish(w, rc);
    nn_pool_release(&w->pool);
    return rc;
}
