/* Parameters between PyTorch's order, which files and initialisers have, and that of memory. */
#include "check.h"
#include "nn/layers/layer.h"

enum { OUT = 2, IN = 3, KH = 2, KW = 2, COUNT = OUT * IN * KH * KW };

static nn_param kernel(void) {
    return (nn_param){.rank = 4, .dim = {OUT, IN, KH, KW}, .order = {0, 1, 2, 3}, .count = COUNT};
}

static void test_same_order(void) {
    nn_param param = kernel();
    nn_real file[COUNT], memory[COUNT] = {0};
    for (int i = 0; i < COUNT; i++)
        file[i] = (nn_real)i;
    nn_param_import(&param, file, memory);
    for (int i = 0; i < COUNT; i++)
        CHECK(memory[i] == file[i]);
}

/* Input channels innermost: [out][kh][kw][in]. */
static void test_reordered(void) {
    nn_param param = kernel();
    nn_real file[COUNT], memory[COUNT], back[COUNT] = {0};
    nn_param_reorder(&param, (int[]){0, 2, 3, 1});
    for (int i = 0; i < COUNT; i++)
        file[i] = (nn_real)i;
    nn_param_import(&param, file, memory);
    for (int o = 0; o < OUT; o++)
        for (int c = 0; c < IN; c++)
            for (int y = 0; y < KH; y++)
                for (int x = 0; x < KW; x++)
                    CHECK(memory[((o * KH + y) * KW + x) * IN + c] ==
                          file[((o * IN + c) * KH + y) * KW + x]);
    nn_param_export(&param, memory, back);
    for (int i = 0; i < COUNT; i++)
        CHECK(back[i] == file[i]);
}

static void test_strides(void) {
    nn_param param = kernel();
    size_t stride[NN_PARAM_RANK];
    nn_param_reorder(&param, (int[]){2, 3, 1, 0});
    nn_param_strides(&param, stride);
    CHECK(stride[0] == 1);
    CHECK(stride[1] == OUT);
    CHECK(stride[3] == OUT * IN);
    CHECK(stride[2] == OUT * IN * KW);
}

int main(void) {
    test_same_order();
    test_reordered();
    test_strides();
    return check_done();
}
