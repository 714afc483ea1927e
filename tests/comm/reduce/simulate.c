/* The simulated step, where its timeline can be worked out by hand: a network of 1 MiB a second,
 * layers of one bucket (1 MiB) or of a matrix of four, and seconds of computing. */
#include "comm/reduce/simulate.h"

#include "check.h"
#include "comm/reduce/partition.h"

#include <math.h>

#define MIB 1048576.0
#define BUCKET NN_PARTITION_BUCKET
#define TOLERANCE 1e-9

static const nn_network network = {.bandwidth = MIB, .adding = INFINITY};

static nn_step_time run(const nn_step_plan *plan, const nn_network *net, int nodes) {
    nn_step_time t = {0};
    CHECK(nn_simulate(plan, net, nodes, &t) == 0);
    return t;
}

static void check_timeline(nn_step_time t, double seconds, double exposed) {
    CHECK_NEAR(t.seconds, seconds, TOLERANCE);
    CHECK_NEAR(t.exposed, exposed, TOLERANCE);
}

static const nn_step_layer one[] = {
    {.forward = 1, .backward = 0.5, .product = 0.5, .params = BUCKET}};
static const nn_step_plan one_layer = {.layers = 1, .layer = one, .number = 4};

static void test_one_node(void) {
    nn_step_plan plan = one_layer;
    plan.other = 0.25;
    plan.update = 2.0 / BUCKET;
    check_timeline(run(&plan, &network, 1), 4.25, 0);
}

/* Nothing is left to compute once the gradient is there: all of the sum is waited for. */
static void test_one_layer(void) {
    check_timeline(run(&one_layer, &network, 2), 3, 1);
    nn_step_plan halves = one_layer;
    halves.number = 2;
    check_timeline(run(&halves, &network, 2), 2.5, 0.5);
}

/* Nodes send each other their parts, and the sums of their own ones back: many only where they are
 * rounded. */
static void test_direct(void) {
    const nn_network net = {1e-3, 1e-2, MIB, 0, 0.5 * MIB};
    double round = 3 * net.overhead + 0.75 + net.latency;
    check_timeline(run(&one_layer, &net, 4), 2 + 2 * round + 0.75 / 0.5, 2 * round + 0.75 / 0.5);
    nn_step_plan halves = one_layer;
    halves.number = 2;
    double part = 127.0 / 256;
    round = 127 * net.overhead + part + net.latency;
    check_timeline(run(&halves, &net, 128), 2 + 2 * round + part / 0.5, 2 * round + part / 0.5);
}

/* Parameters come back as floats, whatever numbers went out, and each node takes its part of the
 * step. */
static void test_divided(void) {
    const nn_network net = {1e-3, 1e-2, MIB, 0, 0.5 * MIB};
    nn_step_plan plan = one_layer;
    plan.divided = true;
    plan.number = 2;
    plan.update = 2.0 / BUCKET;
    double exposed = 2 * (3 * net.overhead + net.latency) + 0.375 + 0.375 / 0.5 + 0.75;
    check_timeline(run(&plan, &net, 4), 2 + exposed + 0.5, exposed);
    exposed = 2 * (net.overhead + net.latency) + 0.25 + 0.25 / 0.5 + 0.5;
    check_timeline(run(&plan, &net, 2), 2 + exposed + 1, exposed);
    check_timeline(run(&plan, &net, 1), 2 + 2, 0);
}

/* What has been saved in pauses passes at once, but bytes take their time all the same. */
static void test_burst(void) {
    nn_network net = network;
    net.burst = MIB / 2;
    check_timeline(run(&one_layer, &net, 2), 2.5, 0.5);
    const nn_step_layer brief = {.forward = 0.125, .product = 0.125, .params = BUCKET};
    const nn_step_plan plan = {.layers = 1, .layer = &brief, .number = 4};
    check_timeline(run(&plan, &net, 2), 1, 0.75);
}

/* Beyond: halves, quarters ... and back, of which the first way is added. */
static void test_halving(void) {
    const nn_network net = {1e-3, 1e-2, MIB, 0, 0.5 * MIB};
    double sum = 14 * (net.latency + net.overhead) + 2 * 127.0 / 128 + 127.0 / 128 / 0.5;
    check_timeline(run(&one_layer, &net, 128), 2 + sum, sum);
}

/* The sum of the last layer's gradient hides beneath the first one's back-propagation, as far as
 * it takes no longer. */
static void test_two_layers(void) {
    const nn_step_layer layer[] = {{.forward = 1, .product = 1, .params = BUCKET},
                                   {.forward = 1, .product = 1, .params = BUCKET}};
    const nn_step_plan plan = {.layers = 2, .layer = layer, .update = 0.5 / BUCKET, .number = 4};
    nn_network net = network;
    /* one second each: the first sum has come at 4, when the step on it is taken */
    check_timeline(run(&plan, &net, 2), 5.5, 0.5);
    net.bandwidth = MIB / 4; /* network behind: 3 + 4 + 4 */
    check_timeline(run(&plan, &net, 2), 11.5, 3 + 3.5);
    net.bandwidth = 100 * MIB; /* computing behind: the first layer's sum comes during a step */
    check_timeline(run(&plan, &net, 2), 5, 0);
    net.bandwidth = INFINITY;
    net.latency = 10; /* the step sums come at 12, the sums at 13 and 14 */
    check_timeline(run(&plan, &net, 2), 14.5, 8 + 1 + 0.5);
}

/* Sums that are left to the next step, for which each layer waits by itself. */
static void test_ahead(void) {
    const nn_step_layer layer[] = {{.forward = 1, .product = 1, .params = BUCKET},
                                   {.forward = 1, .product = 1, .params = BUCKET},
                                   {.forward = 1, .product = 1, .params = BUCKET}};
    nn_step_plan plan = {.layers = 3, .layer = layer, .update = 0.5 / BUCKET, .number = 4};
    nn_network net = network;
    net.bandwidth = MIB / 4;
    /* 4 seconds each, from 4 on: in the end the last one's step, and what is waited for */
    check_timeline(run(&plan, &net, 2), 16.5, 2 + 3.5 + 3.5);
    plan.ahead = true;
    check_timeline(run(&plan, &net, 1), 3 + 3 + 1.5, 0);
    /* From the moment on when the last layer's sum goes out: the first layer's goes before the
     * second one's, at 4 to 8, when the last one's step is taken; forward from 8.5 on, the second
     * layer's from 12.5 on, and the last one's gradient is there at 15.5. */
    check_timeline(run(&plan, &net, 2), 15.5, 2 + 3.5 + 2.5);
    net.bandwidth = 100 * MIB;
    check_timeline(run(&plan, &net, 2), 3 + 3 + 1.5, 0);
}

/* The step sums of 16 nodes are four messages, one after the other. */
static void test_step_sums(void) {
    const nn_network net = {1, 0, INFINITY, 0, INFINITY};
    const nn_step_layer layer[] = {{.forward = 1, .product = 1}};
    const nn_step_plan plan = {.layers = 1, .layer = layer, .number = 4};
    check_timeline(run(&plan, &net, 16), 1 + 4, 3);
}

#define WIDTH 1024
static const nn_step_matrix square = {
    .product = {.m = WIDTH, .n = WIDTH, .steps = 1}, .early = true, .fraction = 1};

static nn_step_layer matrix(double product_all) {
    return (nn_step_layer){.forward = 1,
                           .backward = 0.125,
                           .product = 0.5,
                           .product_all = product_all,
                           .params = WIDTH * WIDTH,
                           .matrices = 1,
                           .matrix = &square};
}

/* Multiply-adds so fast that bytes alone decide on the way. */
static nn_step_plan matrix_plan(const nn_step_layer *layer, double flops) {
    return (nn_step_plan){
        .layers = 1, .layer = layer, .rows = 64, .ranks = 1, .flops = flops, .number = 4};
}

/* 64 rows of 1024 numbers are a quarter of a bucket, the matrix four. */
static void test_rows(void) {
    const nn_step_layer layer = matrix(1);
    const nn_step_plan plan = matrix_plan(&layer, INFINITY);
    CHECK(nn_simulate_by_rows(&plan, &square, &network, 2));
    /* x goes out at 0, dy at 1, and the product follows */
    check_timeline(run(&plan, &network, 2), 1.25 + 1, 0.125);
    /* to three nodes; x has gone out at 0.75 */
    check_timeline(run(&plan, &network, 4), 1.75 + 1, 0.625);
}

/* Where multiplying the rows of the other node takes longer than their bytes save, or their rows
 * are more than the matrix. */
static void test_choice(void) {
    const nn_step_layer layer = matrix(1);
    const double work = 2 * 64 * (double)WIDTH * WIDTH, saved = 4 - 0.5; /* seconds on 2 nodes */
    nn_step_plan plan = matrix_plan(&layer, 1.01 * work / saved);
    CHECK(nn_simulate_by_rows(&plan, &square, &network, 2));
    CHECK(!nn_simulate_by_rows(&plan, &square, &network, 1));
    CHECK(!nn_simulate_by_rows(&plan, &square, &network, 64));
    plan.flops = 0.99 * work / saved;
    CHECK(!nn_simulate_by_rows(&plan, &square, &network, 2));
    check_timeline(run(&plan, &network, 2), 1.625 + 4, 4);
}

/* Of a layer with two products, and a table, which goes by indices and 64 rows of it. */
static void test_parts(void) {
    nn_step_matrix part[] = {
        {.product = {.m = WIDTH, .n = WIDTH, .steps = 1}, .first = NN_OUTER_B, .fraction = 0.75},
        {.product = {.begin = WIDTH * WIDTH, .m = WIDTH, .n = 1, .steps = 1}, .fraction = 0.25}};
    nn_step_layer layer = matrix(2);
    layer.params += WIDTH;
    layer.matrices = 2;
    layer.matrix = part;
    nn_step_plan plan = matrix_plan(&layer, INFINITY);
    CHECK(nn_simulate_by_rows(&plan, &part[0], &network, 2));
    CHECK(!nn_simulate_by_rows(&plan, &part[1], &network, 2));
    /* a quarter of the product is the layer's own, then dz goes out and the sum of the rest, which
     * is dealt with first, and three quarters of the whole product follow */
    const double rows = 0.25, rest = WIDTH * 4 / MIB, begin = 1.125 + 0.5 / 4;
    check_timeline(run(&plan, &network, 2), begin + rows + rest + 0.75 * 2, rows + rest);
    const nn_step_matrix table = {
        .product = {.m = WIDTH * WIDTH, .n = 1, .steps = 1, .indexed = true}, .fraction = 1};
    layer = matrix(1);
    layer.matrix = &table;
    plan.number = 2; /* indices are whole all the same */
    CHECK(nn_simulate_by_rows(&plan, &table, &network, 2));
    check_timeline(run(&plan, &network, 2), 1.125 + 64 * 2 / MIB + 1, 64 * 2 / MIB);
}

int main(void) {
    test_one_node();
    test_one_layer();
    test_direct();
    test_divided();
    test_burst();
    test_halving();
    test_two_layers();
    test_ahead();
    test_step_sums();
    test_rows();
    test_choice();
    test_parts();
    return check_done();
}
