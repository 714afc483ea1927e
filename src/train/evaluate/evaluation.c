#include "train/evaluate/evaluation.h"

#include "base/mem.h"

#include <stdio.h>

void nn_evaluation_free(nn_evaluation *e) {
    nn_free(e);
}

const char *nn_evaluation_split(const nn_evaluation *e) {
    return e->split;
}

int64_t nn_evaluation_samples(const nn_evaluation *e) {
    return e->samples;
}

int64_t nn_evaluation_ignored(const nn_evaluation *e) {
    return e->ignored;
}

double nn_evaluation_loss(const nn_evaluation *e) {
    return e->loss;
}

size_t nn_evaluation_metrics(const nn_evaluation *e) {
    return e->metrics;
}

const nn_metric_value *nn_evaluation_metric(const nn_evaluation *e, size_t i) {
    return i < e->metrics ? &e->metric[i] : NULL;
}

const char *nn_evaluation_class(const nn_evaluation *e, const nn_metric_value *m, size_t i) {
    return m->rows && m->columns == e->classes ? e->class_name[i] : NULL;
}

static void json_metric(nn_json *json, const nn_metric_value *m) {
    char key[64];
    if (!m->table_only)
        nn_json_real(json, m->name, m->value);
    if (m->rows == 1) {
        snprintf(key, sizeof key, "%s_per_class", m->name);
        nn_json_reals(json, key, m->columns, m->table);
    } else if (m->rows > 1) {
        nn_json_open(json, m->name, '[');
        for (size_t i = 0; i < m->rows; i++)
            nn_json_reals(json, NULL, m->columns, m->table + i * m->columns);
        nn_json_close(json, ']');
    }
}

/* Once for all tables that they explain. */
static void json_classes(nn_json *json, const nn_evaluation *e) {
    size_t i = 0;
    while (i < e->metrics && !nn_evaluation_class(e, &e->metric[i], 0))
        i++;
    if (i == e->metrics)
        return;
    nn_json_open(json, "classes", '[');
    for (size_t c = 0; c < e->classes; c++)
        nn_json_string(json, NULL, e->class_name[c]);
    nn_json_close(json, ']');
}

void nn_evaluation_json(nn_json *json, const nn_evaluation *e) {
    nn_json_string(json, "split", e->split);
    nn_json_int(json, "samples", e->samples);
    if (e->ignored)
        nn_json_int(json, "ignored", e->ignored);
    nn_json_real(json, "loss", e->loss);
    for (size_t i = 0; i < e->metrics; i++)
        json_metric(json, &e->metric[i]);
    json_classes(json, e);
}
