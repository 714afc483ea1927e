/* A minibatch cut into microbatches: outputs and gradients have the same bits whether one rank
 * holds all of them or several hold some each. */
#include "base/numbers/rng.h"
#include "check.h"
#include "io/yaml/yaml.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"
#include "math/parallel.h"
#include "nn/model.h"

#include <string.h>

static nn_compute compute;

enum { MICROBATCHES = 8, INPUTS = 6, OUTPUTS = 3, MOST_ROWS = 21, MOST_SUMS = 2 * MICROBATCHES };

static const char yaml[] =
    "[dense: {units: 8, activation: tanh, name: a}, dropout: {rate: 0.3}, dense: {units: 8, name: "
    "b}, add: {inputs: [a_tanh, b]}, prelu: {}, dense: {units: 3}]";

/* The whole minibatch and what becomes of it; gradients of the subtrees one behind the other. */
struct problem {
    size_t rows, size;
    nn_real x[MOST_ROWS * INPUTS], dy[MOST_ROWS * OUTPUTS], y[MOST_ROWS * OUTPUTS];
    int64_t sample[MOST_ROWS];
    size_t row[MICROBATCHES + 1];
    nn_real *grads;
    nn_span cover[MOST_SUMS];
    size_t sums;
};

static size_t rows_before(const struct problem *p, size_t part) {
    return p->rows * part / MICROBATCHES;
}

static int new_model(nn_pool *pool, nn_model **model) {
    nn_node *layers;
    NN_TRY(nn_yaml_parse(pool, "parts", yaml, strlen(yaml), &layers));
    NN_TRY(nn_model_plan(layers, (nn_shape){.rank = 1, .dim = {INPUTS}}, NULL, model));
    nn_model_set_compute(*model, &compute);
    return 0;
}

/* The work of one of `size` ranks. */
static void run_rank(struct problem *p, nn_model *model, nn_real *params, size_t rank,
                     size_t size) {
    nn_span share = nn_even_span(MICROBATCHES, rank, size), local[NN_TREE_COVER];
    size_t row[MICROBATCHES + 1], first = rows_before(p, share.begin);
    size_t sums = nn_tree_cover(MICROBATCHES, share, p->cover + p->sums);
    for (size_t i = share.begin; i <= share.end; i++)
        row[i - share.begin] = rows_before(p, i) - first;
    for (size_t s = 0; s < sums; s++)
        local[s] = (nn_span){p->cover[p->sums + s].begin - share.begin,
                             p->cover[p->sums + s].end - share.begin};
    size_t batch = row[share.end - share.begin];
    nn_shard_microbatches micro = {share.end - share.begin, row, sums, local, rank == 0};
    nn_pass pass = {.batch = batch,
                    .training = true,
                    .seed = 1,
                    .step = 3,
                    .sample = p->sample + first,
                    .micro = &micro};
    nn_model_set_microbatches(model, micro.count, (p->rows + MICROBATCHES - 1) / MICROBATCHES,
                              p->size);
    CHECK(nn_model_bind(model, params, p->grads + p->sums * p->size, batch) == 0);
    const nn_real *y = nn_model_forward(model, &pass, p->x + first * INPUTS);
    memcpy(p->y + first * OUTPUTS, y, batch * OUTPUTS * sizeof *y);
    memcpy(nn_model_output_grad(model), p->dy + first * OUTPUTS, batch * OUTPUTS * sizeof *y);
    nn_model_backward(model, &pass, NULL, NULL);
    p->sums += sums;
}

/* The gradient of the minibatch on `size` ranks, into p->grads [p->size]. */
static void run_ranks(struct problem *p, size_t size) {
    nn_addition add[MOST_SUMS];
    nn_pool pool = {0};
    nn_model *model = NULL;
    nn_real *params;
    CHECK(new_model(&pool, &model) == 0);
    CHECK(NN_NEW(&params, nn_model_size(model), "parameters") == 0);
    nn_model_init(model, 1, params);
    p->sums = 0;
    for (size_t rank = 0; rank < size; rank++)
        run_rank(p, model, params, rank, size);
    size_t additions = nn_tree_additions((nn_span){0, MICROBATCHES}, p->cover, add);
    for (size_t i = 0; i < additions; i++)
        nn_kernels_get()->add(p->size, p->grads + add[i].right * p->size,
                              p->grads + add[i].left * p->size);
    nn_free(params);
    nn_model_free(model);
    nn_pool_release(&pool);
}

static int set_up(struct problem *p, size_t rows) {
    nn_pool pool = {0};
    nn_model *model;
    NN_TRY(new_model(&pool, &model));
    *p = (struct problem){.rows = rows, .size = nn_model_size(model)};
    nn_model_free(model);
    nn_pool_release(&pool);
    nn_rng rng = nn_rng_stream(7, NN_RNG_TEST, 0, 0);
    nn_rng_normal(&rng, 0, MOST_ROWS * INPUTS, p->x);
    nn_rng_normal(&rng, 1000, MOST_ROWS * OUTPUTS, p->dy);
    for (size_t i = 0; i < rows; i++)
        p->sample[i] = (int64_t)(100 + 7 * i);
    return NN_NEW(&p->grads, MOST_SUMS * p->size, "gradients");
}

static void test_same_bits(size_t rows) {
    static struct problem one, many;
    CHECK(set_up(&one, rows) == 0);
    run_ranks(&one, 1);
    for (size_t size = 2; size <= MICROBATCHES; size++) {
        CHECK(set_up(&many, rows) == 0);
        compute.threads = 1 + (int)size % 2;
        run_ranks(&many, size);
        CHECK(memcmp(one.y, many.y, rows * OUTPUTS * sizeof *one.y) == 0);
        CHECK(memcmp(one.grads, many.grads, one.size * sizeof *one.grads) == 0);
        nn_free(many.grads);
    }
    nn_free(one.grads);
}

int main(void) {
    compute.library = NN_GEMM_OWN;
    compute.fixed_parts = true;
    test_same_bits(MOST_ROWS);
    test_same_bits(16);
    test_same_bits(5); /* some microbatches are empty */
    return check_done();
}
