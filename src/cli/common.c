#include "base/json/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "io/files/folder.h"
#include "train/evaluate/evaluation.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Opening a pipe would wait for its other end. */
bool nn_is_hdf5(const char *path) {
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char head[sizeof signature];
    struct stat status;
    bool regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    FILE *file = regular ? fopen(path, "rb") : NULL;
    bool same =
        file && fread(head, sizeof head, 1, file) == 1 && memcmp(head, signature, sizeof head) == 0;
    if (file)
        fclose(file);
    return same;
}

static int load_config(const char *path, nn_config **out) {
    char word[NN_SHELL_TEXT];
    if (!path)
        return nn_config_default(out);
    if (nn_is_hdf5(path))
        return nn_fail(
            NN_EUSAGE,
            "%s is an HDF5 file where a YAML configuration is wanted; to go on with a run: "
            "nnmpi train CONFIG --run DIR --resume",
            path);
    if (nn_is_folder(path))
        return nn_fail(NN_EUSAGE,
                       "'%s' is a folder where a YAML configuration is wanted; to go on with a run "
                       "in it: nnmpi train --run %s --resume",
                       path, nn_text_shell(path, word));
    return nn_config_load(path, out);
}

int nn_call_load_config(const char *path, const nn_node *overrides, nn_config **out) {
    nn_config *config = NULL;
    int rc;
    *out = NULL;
    NN_TRY_GOTO(load_config(path, &config));
    for (size_t i = 0; overrides && i < overrides->count; i++)
        NN_TRY_GOTO(nn_config_override(config, overrides->item[i]->text));
    *out = config;
    config = NULL;
done:
    nn_config_free(config);
    return rc;
}

int nn_call_config(const char *path, const nn_node *overrides, nn_config **out) {
    NN_TRY(nn_call_load_config(path, overrides, out));
    int rc = nn_config_check(*out);
    if (rc < 0) {
        nn_config_free(*out);
        *out = NULL;
    }
    return rc;
}

/* Columns for the names of classes, at least `width`; very long ones are cut. */
static int class_width(const nn_evaluation *e, const nn_metric_value *m, int width) {
    for (size_t j = 0; j < m->columns; j++) {
        const char *name = nn_evaluation_class(e, m, j);
        int columns = name ? nn_text_columns(name) : 0;
        width = columns > width ? columns : width;
    }
    return width < 16 ? width : 16;
}

/* The name of class i, or its number. */
static void print_class(FILE *out, const nn_evaluation *e, const nn_metric_value *m, size_t i,
                        int width) {
    const char *name = nn_evaluation_class(e, m, i);
    if (name)
        nn_text_put_cell(out, name, width);
    else
        fprintf(out, "%*zu", width, i);
}

/* Rows have names where there are several, columns always. */
static void print_table(FILE *out, const nn_evaluation *e, const nn_metric_value *m) {
    int head = class_width(e, m, 6), width = class_width(e, m, 7);
    fprintf(out, m->rows > 1 ? "%s (rows: class, columns: predicted)\n%*s" : "%s by class\n%*s",
            m->name, head, "");
    for (size_t j = 0; j < m->columns; j++) {
        fputc(' ', out);
        print_class(out, e, m, j, width);
    }
    for (size_t i = 0; i < m->rows; i++) {
        fputc('\n', out);
        if (m->rows > 1)
            print_class(out, e, m, i, head);
        else
            fprintf(out, "%*s", head, "");
        for (size_t j = 0; j < m->columns; j++)
            fprintf(out, m->rows > 1 ? " %*.6g" : " %*.4f", width,
                    nn_plain_nan(m->table[i * m->columns + j]));
    }
    fputc('\n', out);
}

void nn_print_evaluation(FILE *out, const char *samples, const nn_evaluation *e) {
    size_t metrics = nn_evaluation_metrics(e);
    long long ignored = (long long)nn_evaluation_ignored(e);
    fprintf(out, "%s ", samples);
    for (size_t i = 0; i < metrics; i++) {
        const nn_metric_value *m = nn_evaluation_metric(e, i);
        if (!m->table_only)
            fprintf(out, "%s %.4f, ", m->name, nn_plain_nan(m->value));
    }
    fprintf(out, "loss %.4g (%lld samples", nn_plain_nan(nn_evaluation_loss(e)),
            (long long)nn_evaluation_samples(e));
    if (ignored)
        fprintf(out, ", %lld ignored", ignored);
    fputs(")\n", out);
    for (size_t i = 0; i < metrics; i++)
        if (nn_evaluation_metric(e, i)->rows)
            print_table(out, e, nn_evaluation_metric(e, i));
}

int nn_json_print(const nn_json *json) {
    if (json->overflow)
        return nn_fail(NN_EMEMORY, "the result does not fit into %zu bytes of JSON", json->size);
    puts(json->text);
    return 0;
}
