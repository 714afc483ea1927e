#include "train/checkpoint/gpt2_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* # stands for the number of a block. Matrices of blocks are those of Conv1D, [inputs, outputs]. */
static const struct row {
    const char *layer, *param, *tensor;
    bool transposed;
} rows[] = {
    {"wte", "weight", "wte.weight", false},
    {"wpe", "weight", "wpe.weight", false},
    {"h_#_ln_1", "weight", "h.#.ln_1.weight", false},
    {"h_#_ln_1", "bias", "h.#.ln_1.bias", false},
    {"h_#_attn", "in_proj_weight", "h.#.attn.c_attn.weight", true},
    {"h_#_attn", "in_proj_bias", "h.#.attn.c_attn.bias", false},
    {"h_#_attn", "out_proj.weight", "h.#.attn.c_proj.weight", true},
    {"h_#_attn", "out_proj.bias", "h.#.attn.c_proj.bias", false},
    {"h_#_ln_2", "weight", "h.#.ln_2.weight", false},
    {"h_#_ln_2", "bias", "h.#.ln_2.bias", false},
    {"h_#_mlp_c_fc", "weight", "h.#.mlp.c_fc.weight", true},
    {"h_#_mlp_c_fc", "bias", "h.#.mlp.c_fc.bias", false},
    {"h_#_mlp_c_proj", "weight", "h.#.mlp.c_proj.weight", true},
    {"h_#_mlp_c_proj", "bias", "h.#.mlp.c_proj.bias", false},
    {"ln_f", "weight", "ln_f.weight", false},
    {"ln_f", "bias", "ln_f.bias", false},
    {"lm_head", "weight", "lm_head.weight", false},
};

/* Is a layer called so? The digits of its number are number[*digits]. */
static bool is_called(const char *layer, const char *pattern, const char **number, int *digits) {
    size_t before = strcspn(pattern, "#");

    *digits = 0;
    if (!pattern[before])
        return strcmp(layer, pattern) == 0;
    if (strncmp(layer, pattern, before) != 0)
        return false;
    *number = layer + before;
    while (isdigit((unsigned char)(*number)[*digits]))
        ++*digits;
    return *digits > 0 && *digits < 6 && strcmp(*number + *digits, pattern + before + 1) == 0;
}

bool nn_gpt2_name_of(const nn_param *param, nn_gpt2_name *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        size_t before = strcspn(row->tensor, "#");
        const char *number = "";
        int digits;
        if (strcmp(param->name, row->param) != 0 || (row->transposed && param->rank != 2) ||
            !is_called(param->layer->name, row->layer, &number, &digits))
            continue;
        snprintf(name->text, sizeof name->text, "%.*s%.*s%s", (int)before, row->tensor, digits,
                 number, row->tensor[before] ? row->tensor + before + 1 : "");
        name->whole = strcmp(row->layer, "lm_head") == 0;
        name->transposed = row->transposed;
        return true;
    }
    return false;
}
