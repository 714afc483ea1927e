/* What trials came to: a file each, and all of them as a table. */
#include "base/json/json.h"
#include "base/log.h"
#include "base/text.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "io/yaml/yaml.h"
#include "train/tune/tune.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const states[] = {[NN_TRIAL_OPEN] = "open",
                                     [NN_TRIAL_DONE] = "done",
                                     [NN_TRIAL_DROPPED] = "dropped",
                                     [NN_TRIAL_FAILED] = "failed"};

/* Members of the object that is open. */
static void add_result(nn_json *json, const nn_sweep *s, size_t i, const nn_trial_result *r) {
    nn_json_int(json, "trial", (int64_t)i + 1);
    nn_json_string(json, "state", states[r->state]);
    nn_json_open(json, "set", '{');
    for (size_t k = 0; k < s->keys; k++)
        nn_json_string(json, s->key[k], nn_sweep_value(s, i, k));
    nn_json_close(json, '}');
    nn_json_string(json, "metric", s->metric);
    nn_json_real(json, "value", r->value);
    nn_json_int(json, "best_step", r->best_step);
    nn_json_int(json, "rung", r->rung);
    nn_json_int(json, "epochs", r->epochs);
    nn_json_int(json, "steps", r->steps);
    nn_json_real(json, "seconds", r->seconds);
    nn_json_string(json, "digest", r->digest);
    if (r->state == NN_TRIAL_FAILED) {
        nn_json_int(json, "code", r->exit_code);
        nn_json_string(json, "message", r->message);
    }
}

/* One object as text, owned by the pool. */
static char *result_text(const nn_sweep *s, size_t i, const nn_trial_result *r) {
    size_t size = 4096 + 8 * sizeof r->message;
    nn_json json;

    for (size_t k = 0; k < s->keys; k++)
        size += 6 * (strlen(s->key[k]) + strlen(nn_sweep_value(s, i, k)) + 4);
    char *text = nn_pool_alloc(s->pool, size);
    if (!text)
        return NULL;
    nn_json_init(&json, text, size);
    nn_json_open(&json, NULL, '{');
    add_result(&json, s, i, r);
    if (!isnan(r->value)) /* for who goes on with the sweep */
        nn_json_bool(&json, "larger_is_better", s->larger_is_better);
    nn_json_close(&json, '}');
    return text;
}

static char *path_of(const nn_sweep *s, size_t i, int rung) {
    const char *folder = nn_sweep_folder(s, i);

    return folder ? nn_pool_printf(s->pool, "%s/result-%d.json", folder, rung) : NULL;
}

int nn_result_write(const nn_sweep *s, size_t i, const nn_trial_result *r) {
    const char *folder = nn_sweep_folder(s, i), *path = path_of(s, i, r->rung);
    const char *text = path ? result_text(s, i, r) : NULL;

    if (!text)
        return NN_EMEMORY;
    NN_TRY(nn_dir_make(folder)); /* one that failed early has made none */
    return nn_file_write(path, text, strlen(text));
}

static double real_at(const nn_node *map, const char *key) {
    double value;

    return nn_text_to_real(nn_node_text(map, key), &value) ? value : (double)NAN;
}

static int64_t count_at(const nn_node *map, const char *key) {
    double value = real_at(map, key);

    return isnan(value) ? 0 : (int64_t)value;
}

static int load(const nn_sweep *s, const char *path, int rung, nn_trial_result *r, nn_node **map) {
    NN_TRY(nn_yaml_load(s->pool, path, map)); /* JSON is YAML */
    const char *state = nn_node_text(*map, "state");

    *r = (nn_trial_result){.state = NN_TRIAL_DONE,
                           .rung = rung,
                           .value = real_at(*map, "value"),
                           .best_step = count_at(*map, "best_step"),
                           .steps = count_at(*map, "steps"),
                           .epochs = count_at(*map, "epochs"),
                           .seconds = real_at(*map, "seconds"),
                           .exit_code = (int)count_at(*map, "code")};
    if (strcmp(state, states[NN_TRIAL_FAILED]) == 0)
        r->state = NN_TRIAL_FAILED;
    else if (strcmp(state, states[NN_TRIAL_DONE]) != 0)
        return nn_fail(NN_EFORMAT, "%s: this is no result of a trial", path);
    snprintf(r->message, sizeof r->message, "%s", nn_node_text(*map, "message"));
    snprintf(r->digest, sizeof r->digest, "%s", nn_node_text(*map, "digest"));
    return NN_OK;
}

int nn_result_read(nn_sweep *s, size_t i, int rung) {
    const char *path = path_of(s, i, rung);
    nn_trial_result r;
    nn_node *map;

    if (!path)
        return NN_EMEMORY;
    if (!nn_file_exists(path))
        return NN_OK;
    if (load(s, path, rung, &r, &map) < 0) {
        nn_warn("%s; trial %zu is taken for unfinished", nn_error_message(), i + 1);
        nn_error_clear();
        return NN_OK;
    }
    s->result[i] = r;
    if (isnan(r.value))
        return NN_OK;
    snprintf(s->metric, sizeof s->metric, "%s", nn_node_text(map, "metric"));
    s->larger_is_better = strcmp(nn_node_text(map, "larger_is_better"), "true") == 0;
    return NN_OK;
}

int nn_results_forget_failures(const nn_sweep *s) {
    int diverged = nn_error_exit_code(NN_EDIVERGED);

    for (size_t i = 0; i < s->trials; i++)
        for (int rung = 1; rung <= s->rungs; rung++) {
            const char *path = path_of(s, i, rung);
            nn_trial_result r;
            nn_node *map;
            if (!path)
                return NN_EMEMORY;
            if (!nn_file_exists(path))
                continue;
            if (load(s, path, rung, &r, &map) < 0)
                nn_error_clear(); /* nn_result_read warns of it */
            else if (r.state == NN_TRIAL_FAILED && r.exit_code != diverged && unlink(path) < 0)
                return nn_fail(NN_EIO, "%s: %s", path, nn_errno_text(errno));
        }
    return NN_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Who has come further is before the others; a number that is none is the worst. */
static bool is_before(const nn_sweep *s, size_t a, size_t b) {
    const nn_trial_result *x = &s->result[a], *y = &s->result[b];
    bool x_failed = x->state == NN_TRIAL_FAILED, y_failed = y->state == NN_TRIAL_FAILED;

    if (x_failed != y_failed)
        return y_failed;
    if (x->rung != y->rung)
        return x->rung > y->rung;
    if (isnan(x->value) != isnan(y->value))
        return isnan(y->value);
    if (isnan(x->value) || x->value == y->value)
        return a < b;
    return s->larger_is_better ? x->value > y->value : x->value < y->value;
}

void nn_sweep_rank(const nn_sweep *s, size_t *order) {
    for (size_t i = 0; i < s->trials; i++) {
        size_t at = i;
        for (; at > 0 && is_before(s, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static void put_cell(FILE *out, const char *text) {
    fputc(',', out);
    nn_text_put_field(out, text);
}

static void write_csv(const nn_sweep *s, const size_t *order, FILE *out) {
    fputs("trial", out);
    for (size_t k = 0; k < s->keys; k++)
        put_cell(out, s->key[k]);
    fprintf(out, ",state,%s,best_step,rung,epochs,steps,seconds,digest,message\n",
            *s->metric ? s->metric : "value");
    for (size_t n = 0; n < s->trials; n++) {
        const nn_trial_result *r = &s->result[order[n]];
        char value[NN_TEXT_REAL] = "";
        if (r->rung == 0)
            continue;
        if (!isnan(r->value))
            nn_text_from_real(value, r->value);
        fprintf(out, "%zu", order[n] + 1);
        for (size_t k = 0; k < s->keys; k++)
            put_cell(out, nn_sweep_value(s, order[n], k));
        fprintf(out, ",%s,%s,%" PRId64 ",%d,%" PRId64 ",%" PRId64 ",%.3f,%s", states[r->state],
                value, r->best_step, r->rung, r->epochs, r->steps, r->seconds, r->digest);
        put_cell(out, r->message);
        fputc('\n', out);
    }
}

void nn_sweep_put_json(const nn_sweep *s, const size_t *order, FILE *out) {
    for (size_t n = 0; n < s->trials; n++) {
        const char *text =
            s->result[order[n]].rung ? result_text(s, order[n], &s->result[order[n]]) : NULL;
        if (text)
            fprintf(out, "%s\n", text);
    }
}

typedef void write_fn(const nn_sweep *s, const size_t *order, FILE *out);

static int write_file(const nn_sweep *s, const size_t *order, const char *name, write_fn *write) {
    const char *path = nn_pool_printf(s->pool, "%s/%s", s->folder, name);
    char *text = NULL;
    size_t length;
    FILE *memory = path ? open_memstream(&text, &length) : NULL;

    if (!memory)
        return nn_fail(NN_EMEMORY, "no memory for the table of trials");
    write(s, order, memory);
    int rc = fclose(memory) == 0 ? nn_file_write(path, text, length)
                                 : nn_fail(NN_EMEMORY, "no memory for the table of trials");
    free(text);
    return rc;
}

int nn_sweep_write_table(const nn_sweep *s) {
    size_t *order = nn_pool_alloc(s->pool, s->trials * sizeof *order);

    if (!order)
        return NN_EMEMORY;
    nn_sweep_rank(s, order);
    NN_TRY(write_file(s, order, "tune.csv", write_csv));
    return write_file(s, order, "tune.jsonl", nn_sweep_put_json);
}
