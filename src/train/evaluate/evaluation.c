#include "train/evaluate/evaluation.h"

#include <stdio.h>

static void json_row(nn_json *json, const char *key, size_t columns, const double *row) {
    nn_json_open(json, key, '[');
    for (size_t i = 0; i < columns; i++)
        nn_json_real(json, NULL, row[i]);
    nn_json_close(json, ']');
}

static void json_measure(nn_json *json, const nn_measure *m, const double *table) {
    char key[64];
    if (!m->table_only)
        nn_json_real(json, m->name, m->value);
    if (m->rows == 1) {
        snprintf(key, sizeof key, "%s_per_class", m->name);
        json_row(json, key, m->columns, table);
    } else if (m->rows > 1) {
        nn_json_open(json, m->name, '[');
        for (size_t i = 0; i < m->rows; i++)
            json_row(json, NULL, m->columns, table + i * m->columns);
        nn_json_close(json, ']');
    }
}

void nn_evaluation_json(nn_json *json, const nn_evaluation *e) {
    nn_json_string(json, "split", e->split);
    nn_json_int(json, "samples", e->samples);
    if (e->ignored)
        nn_json_int(json, "ignored", e->ignored);
    nn_json_real(json, "loss", e->loss);
    for (size_t i = 0; i < e->measures; i++)
        json_measure(json, &e->measure[i], e->table + e->measure[i].first);
}
