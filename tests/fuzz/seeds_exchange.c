/* Models in formats of other programs: what the exporters make of a small one. */
#include "exchange/portable.h"
#include "sandbox.h"
#include "seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG                                                                                     \
    "data: {source: memory}\n"                                                                     \
    "model: [dense: {name: fc1, units: 3, activation: relu}, dense: {name: fc2, units: 2}]\n"      \
    "loss: cross_entropy\n"                                                                        \
    "train: {batch_size: 1}\n"

static void make_model(nn_portable *p) {
    static const double scale[] = {1, 2, 3, 4}, offset[4] = {0};

    p->data = (nn_data_traits){.x = {1, {4}},
                               .labels = true,
                               .target_width = 1,
                               .classes = 2,
                               .affine = {4, scale, offset}};
    sandbox_expect(nn_portable_build(p, "seed", CONFIG) == 0 &&
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

    make_model(&p);
    sandbox_expect(nn_export_tensors(&p, "seed.safetensors") == 0 &&
                       nn_export_tensors(&p, "seed.npz") == 0,
                   "a model can be exported");
    put_file("seed.safetensors", 's');
    put_file("seed.npz", 'n');
    nn_portable_release(&p);
}

void seeds_onnx(void) {
    nn_portable p = {0};

    make_model(&p);
    sandbox_expect(nn_export_onnx(&p, "seed.onnx") == 0, "a model can be exported");
    nn_portable_release(&p);
}
