#include "base/json.h"
#include "cli/cli.h"

#include <nnmpi/train.h>

#include <stdio.h>
#include <string.h>

bool nn_is_hdf5(const char *path) {
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char head[sizeof signature];
    FILE *file = fopen(path, "rb");
    bool same =
        file && fread(head, sizeof head, 1, file) == 1 && memcmp(head, signature, sizeof head) == 0;
    if (file)
        fclose(file);
    return same;
}

static int load_config(const char *path, nn_config **out) {
    if (!path)
        return nn_config_default(out);
    if (nn_is_hdf5(path))
        return nn_fail(
            NN_EUSAGE,
            "%s is an HDF5 file where a YAML configuration is wanted; to go on with a run: "
            "nnmpi train CONFIG --run DIR --resume",
            path);
    return nn_config_load(path, out);
}

int nn_call_config(const char *path, const nn_node *overrides, nn_config **out) {
    nn_config *config = NULL;
    int rc;
    *out = NULL;
    NN_TRY_GOTO(load_config(path, &config));
    for (size_t i = 0; overrides && i < overrides->count; i++)
        NN_TRY_GOTO(nn_config_override(config, overrides->item[i]->text));
    NN_TRY_GOTO(nn_config_check(config));
    *out = config;
    config = NULL;
done:
    nn_config_free(config);
    return rc;
}

const char *nn_bytes_text(double bytes, char text[NN_BYTES_TEXT]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1000;
    snprintf(text, NN_BYTES_TEXT, unit ? "%.3g %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

void nn_print_evaluation(FILE *out, const nn_evaluation *e) {
    fprintf(out, "%s ", e->split);
    for (size_t i = 0; i < e->measures; i++)
        fprintf(out, "%s %.4f, ", e->measure[i].name, e->measure[i].value);
    fprintf(out, "loss %.4g (%lld samples)\n", e->loss, (long long)e->samples);
}

void nn_json_evaluation(nn_json *json, const nn_evaluation *e) {
    nn_json_string(json, "split", e->split);
    nn_json_int(json, "samples", e->samples);
    nn_json_real(json, "loss", e->loss);
    for (size_t i = 0; i < e->measures; i++)
        nn_json_real(json, e->measure[i].name, e->measure[i].value);
}

int nn_json_print(const nn_json *json) {
    if (json->overflow)
        return nn_fail(NN_EMEMORY, "the result does not fit into %zu bytes of JSON", json->size);
    puts(json->text);
    return 0;
}
