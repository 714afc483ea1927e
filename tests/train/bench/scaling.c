/* From a measured step to others: the one that was measured comes out as it was, and what is more
 * or less with other ranks, rows and networks is so. */
#include "train/bench/scaling.h"

#include "check.h"

#include <math.h>

#define MATRIX .step = {.product = {.m = 256, .n = 256, .steps = 1}, .early = true, .fraction = 1}
static nn_bench_matrix own[] = {{MATRIX}}, by_rows[] = {{MATRIX, .by_rows = true}};

static nn_bench_layer layers[] = {
    {.name = "conv",
     .forward = 2e-3,
     .backward = 4e-3,
     .forward_work = 1,
     .backward_work = 2,
     .params = 512},
    {.name = "pool", .forward = 1e-3, .backward = 1e-3},
    {.name = "dense",
     .forward = 1e-3,
     .backward = 2e-3,
     .forward_work = 1,
     .backward_work = 2,
     .params = 256 * 256,
     .matrices = 1,
     .matrix = own},
    {.name = "by rows",
     .forward = 1e-3,
     .backward = 1e-3,
     .forward_work = 1,
     .backward_work = 1,
     .params = 256 * 256,
     .matrices = 1,
     .matrix = by_rows},
};

static const nn_bench_step step = {.batch_size = 64,
                                   .size = 512 + 2 * 256 * 256,
                                   .threads = 1,
                                   .number = 4,
                                   .seconds = 20e-3,
                                   .data = 1e-3,
                                   .update = 3e-3,
                                   .comm = 0,
                                   .layers = 4,
                                   .layer = layers};

static const nn_network perfect = {0, 0, INFINITY, 0, INFINITY}, slow = {1e-4, 1e-5, 1e8, 0, 4e9};

static nn_prediction predict(nn_scaling *s, const nn_network *net, int nodes, bool strong) {
    nn_prediction p = {.efficiency = -1};
    CHECK(nn_scaling_predict(s, net, nodes, strong, &p) == 0);
    return p;
}

static void test_one_node(nn_scaling *s) {
    for (int strong = 0; strong < 2; strong++) {
        nn_prediction p = predict(s, &slow, 1, strong);
        CHECK_NEAR(p.step.seconds, step.seconds, 1e-12);
        CHECK_NEAR(p.step.exposed, 0, 1e-12);
        CHECK_NEAR(p.efficiency, 1, 1e-12);
    }
}

/* Of 20 ms, 15 go with the rows, 2 are the optimiser's steps and 3 neither. A row is never
 * divided. */
static void test_perfect_network(nn_scaling *s) {
    s->memory = INFINITY;
    CHECK_NEAR(predict(s, &perfect, 2, true).step.seconds, 20e-3 - 15e-3 / 2, 1e-9);
    CHECK_NEAR(predict(s, &perfect, 64, true).step.seconds, 5e-3 + 15e-3 / 64, 1e-9);
    CHECK_NEAR(predict(s, &perfect, 4096, true).step.seconds, 5e-3 + 15e-3 / 64, 1e-9);
    CHECK_NEAR(predict(s, &perfect, 4096, false).efficiency, 1, 1e-9);
}

/* Weights are read however few the rows are: two matrices of 256 KiB, three times each. */
static void test_memory(nn_scaling *s) {
    s->memory = 256 * 1024 / 0.4e-3;
    CHECK_NEAR(predict(s, &perfect, 64, true).step.seconds, 5e-3 + 9e-3 / 64 + 6 * 0.4e-3, 1e-9);
}

/* As measured on two nodes, each of which multiplied the rows of both. */
static void test_two_nodes(nn_pool *pool) {
    nn_bench_matrix matrix = {MATRIX, .by_rows = true, .travels = true};
    nn_bench_layer travels = layers[3];
    nn_bench_step two = step;
    nn_scaling s;
    travels.matrix = &matrix;
    travels.forward_work = 2.0 * 32 * 256 * 256;
    two.layer = &travels;
    two.layers = 1;
    two.size = travels.params;
    two.comm = 4e-3; /* of waiting for each other, which is what is predicted */
    CHECK(nn_scaling_init(&s, &two, 2, 1, pool) == 0);
    s.memory = INFINITY;
    CHECK_NEAR(predict(&s, &perfect, 2, true).step.seconds, 20e-3 - 4e-3 - 1e-3, 1e-9);
    CHECK_NEAR(predict(&s, &perfect, 1, false).step.seconds, 20e-3 - 4e-3 - 1e-3, 1e-9);
    CHECK_NEAR(predict(&s, &perfect, 1, true).step.seconds, 20e-3 - 4e-3 + 3e-3, 1e-9);
    const nn_network narrow = {0, 0, 1e7, 0, INFINITY};
    CHECK(nn_scaling_by_rows(&s, 0, &narrow, 2));
    nn_step_time t = predict(&s, &narrow, 2, true).step;
    CHECK_NEAR(t.seconds - t.exposed, 20e-3 - 4e-3, 1e-9);
}

static void test_slow_network(nn_scaling *s) {
    for (int fewer = 2; fewer < 2048; fewer *= 2) {
        nn_prediction strong = predict(s, &slow, 2 * fewer, true);
        nn_prediction weak = predict(s, &slow, 2 * fewer, false);
        CHECK(strong.efficiency > 0 && strong.efficiency < weak.efficiency);
        CHECK(weak.efficiency < 1 && weak.step.exposed > 0);
        CHECK(strong.efficiency < predict(s, &slow, fewer, true).efficiency);
    }
}

int main(void) {
    nn_pool pool = {0};
    nn_scaling s;
    CHECK(nn_scaling_init(&s, &step, 1, 1, &pool) == 0);
    CHECK(s.memory > 0);
    s.memory = INFINITY;
    test_one_node(&s);
    test_perfect_network(&s);
    test_memory(&s);
    test_slow_network(&s);
    test_two_nodes(&pool);
    nn_pool_release(&pool);
    return check_done();
}
