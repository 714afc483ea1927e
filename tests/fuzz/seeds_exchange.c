/* Models in formats of other programs: what the exporters make of a small one. */
#include "exchange/portable.h"
#include "sandbox.h"
#include "seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG "data: {source: memory}\nmodel: [%s]\nloss: cross_entropy\ntrain: {batch_size: 1}\n"

#define DENSE "dense: {name: fc1, units: 3, activation: relu}, dense: {name: fc2, units: 2}"
#define ATTENTION                                                                                  \
    "positions, attention: {heads: 2, causal: true}, dense: {units: 8}, glu: {gate: swish}, "      \
    "rms_norm, mean, dense: {units: 2}"
#define GROUPED                                                                                    \
    "dense: {units: 8}, layer_norm, slice: {axis: 1, end: 3}, "                                    \
    "attention: {heads: 4, kv_heads: 2, rotary_base: 100, bias: false}, lstm: {units: 4}, "        \
    "group_norm: {groups: 2}, dense: {units: 2}"

/* For samples [4], which are scaled, or sequences [3, 4]. */
static void make_model(nn_portable *p, nn_shape x, const char *layers) {
    static const double scale[] = {1, 2, 3, 4}, offset[4] = {0};
    char config[512];

    snprintf(config, sizeof config, CONFIG, layers);
    p->data = (nn_data_traits){.x = x,
                               .labels = true,
                               .target_width = 1,
                               .classes = 2,
                               .affine = {x.rank == 1 ? 4 : 0, scale, offset}};
    sandbox_expect(nn_portable_build(p, "seed", config) == 0 &&
                       nn_portable_allocate(p, "seed", SIZE_MAX) == 0 &&
                       nn_model_init(p->model, 1, p->params) == 0,
                   "there is a model");
}

/* Writes a seed of a letter and a file, which is removed. */
static void put_file(const char *name, char letter) {
    char bytes[8192] = {letter};
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(bytes + 1, 1, sizeof bytes - 1, file) : 0;

    sandbox_expect(size > 0 && feof(file) && fclose(file) == 0 && remove(name) == 0,
                   "an exported seed can be read");
    sandbox_put(name, bytes, 1 + size);
}

void seeds_tensors(void) {
    nn_portable p = {0};

    make_model(&p, (nn_shape){1, {4}}, DENSE);
    sandbox_expect(nn_export_tensors(&p, "seed.safetensors") == 0 &&
                       nn_export_tensors(&p, "seed.npz") == 0,
                   "a model can be exported");
    put_file("seed.safetensors", 's');
    put_file("seed.npz", 'n');
    nn_portable_release(&p);
}

static void put_onnx(const char *name, nn_shape x, const char *layers) {
    nn_portable p = {0};

    make_model(&p, x, layers);
    sandbox_expect(nn_export_onnx(&p, name) == 0, "a model can be exported");
    nn_portable_release(&p);
}

void seeds_onnx(void) {
    put_onnx("seed.onnx", (nn_shape){1, {4}}, DENSE);
    put_onnx("attention.onnx", (nn_shape){2, {3, 4}}, ATTENTION);
    put_onnx("grouped.onnx", (nn_shape){2, {3, 4}}, GROUPED);
}
