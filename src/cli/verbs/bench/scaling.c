/* nnmpi bench scaling: what a training step would take on more ranks and on other networks. */
#include "train/bench/scaling.h"

#include "base/text.h"
#include "cli/verbs/bench/bench.h"
#include "comm/comm.h"
#include "comm/reduce/bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_NETWORKS = 8, MOST_RANKS = 4096 };

typedef struct scaling_options {
    nn_bench_what what;
    const char *gbits;
    double latency, overhead, burst;
    bool json;
} scaling_options;

static const nn_option scaling_table[] = {
    NN_BENCH_STEP_ROWS,
    NN_JSON_ROW(scaling_options),
    {"gbits", NN_OPT_STRING, offsetof(scaling_options, gbits), "1,10,100", NULL,
     "networks to predict for: Gbit/s of a node in each direction"},
    {"latency", NN_OPT_REAL, offsetof(scaling_options, latency), "20", "[0, 1e6]",
     "microseconds of a short message between nodes"},
    {"overhead", NN_OPT_REAL, offsetof(scaling_options, overhead), "1", "[0, 1e6]",
     "microseconds that a message keeps its sender busy, however short it is"},
    {"burst", NN_OPT_REAL, offsetof(scaling_options, burst), "0", "[0, 1e9]",
     "KiB that pass at once after a pause, where a token bucket limits the rate of the network"},
    NN_OPTION_END,
};

/* What is predicted: of a step as it was measured here, for networks of which the first may be that
 * between the nodes of this run. */
struct scaling {
    nn_scaling model;
    nn_bench_step step;
    bool here; /* network[0] has been measured */
    size_t networks;
    double gbits[MOST_NETWORKS];
    nn_network network[MOST_NETWORKS];
};

/* ---- networks -------------------------------------------------------------------------------- */

static double gbits_of(const nn_network *network) {
    return network->bandwidth * 8 / 1e9;
}

static void add_network(struct scaling *s, const nn_network *network) {
    s->gbits[s->networks] = gbits_of(network);
    s->network[s->networks++] = *network;
}

/* The networks of --gbits; `like` has what is not its bandwidth. */
static int read_networks(const char *list, nn_network like, struct scaling *s) {
    char *end = NULL;
    for (const char *text = list;; text = end + 1) {
        double gbits = strtod(text, &end);
        if (end == text || !(gbits > 0 && gbits < 1e6) || (*end && *end != ','))
            return nn_fail(NN_EUSAGE, "--gbits: '%s' is no list of positive numbers like 1,10,100",
                           text);
        if (s->networks == MOST_NETWORKS)
            return nn_fail(NN_EUSAGE, "--gbits takes at most %d numbers",
                           MOST_NETWORKS - (int)s->here);
        like.bandwidth = gbits * 1e9 / 8;
        add_network(s, &like);
        if (!*end)
            return 0;
    }
}

static int find_networks(const nn_call *call, struct scaling *s) {
    const scaling_options *o = call->options;
    nn_network network = {.burst = 1024 * o->burst};
    s->here = nn_comm_nodes(call->comm) > 1;
    NN_TRY(nn_bench_network(call->comm, &network));
    if (s->here)
        add_network(s, &network);
    network.latency = 1e-6 * o->latency;
    network.overhead = 1e-6 * o->overhead;
    return read_networks(o->gbits, network, s);
}

/* ---- output ---------------------------------------------------------------------------------- */

static int ranks_of(const struct scaling *s, int nodes) {
    return nodes * s->model.ranks;
}

static const char *plural(int n) {
    return n > 1 ? "s" : "";
}

/* What was measured on these nodes, beside the prediction for as many. */
static int print_measured(struct scaling *s) {
    const nn_network *net = &s->network[0];
    nn_prediction p;
    NN_TRY(nn_scaling_predict(&s->model, net, s->model.nodes, true, &p));
    printf("between the nodes of this run: %.1f us, %.2f us a message, %.3f Gbit/s\n"
           "a step takes %.1f us here, of which %.1f us waiting; predicted: %.1f us, %.1f us\n",
           1e6 * net->latency, 1e6 * net->overhead, gbits_of(net), 1e6 * s->step.seconds,
           1e6 * s->step.comm, 1e6 * p.step.seconds, 1e6 * p.step.exposed);
    return 0;
}

static int print_row(struct scaling *s, int nodes) {
    nn_prediction p;
    printf("%6d", ranks_of(s, nodes));
    for (int strong = 1; strong >= 0; strong--)
        for (size_t i = 0; i < s->networks; i++) {
            NN_TRY(nn_scaling_predict(&s->model, &s->network[i], nodes, strong, &p));
            printf(" %6.3f", p.efficiency);
        }
    putchar('\n');
    return 0;
}

static int print_scaling(const nn_call *call, struct scaling *s) {
    const scaling_options *o = call->options;
    int ranks = s->model.ranks, half = (int)(7 * s->networks);
    printf("a step of %.1f us on %d rank%s of %d node%s, minibatch of %lld, %.3f MB of gradients\n",
           1e6 * s->step.seconds, ranks_of(s, s->model.nodes), plural(ranks_of(s, s->model.nodes)),
           s->model.nodes, plural(s->model.nodes), (long long)s->step.batch_size,
           (double)(s->step.size * sizeof(nn_real)) / 1e6);
    if (s->here)
        NN_TRY(print_measured(s));
    printf("share of the ideal speed on nodes of %d rank%s, by Gbit/s of the network%s (%g us, %g "
           "us a message)\n",
           ranks, plural(ranks), s->here ? ", the first that of this run" : "", o->latency,
           o->overhead);
    printf("%6s%*s %*s\n%6s", "", half, "same minibatch", half - 1, "minibatch grows", "ranks");
    for (size_t i = 0; i < 2 * s->networks; i++)
        printf(" %6.3g", s->gbits[i % s->networks]);
    putchar('\n');
    for (int nodes = 2; ranks_of(s, nodes) <= MOST_RANKS; nodes *= 2)
        NN_TRY(print_row(s, nodes));
    return 0;
}

static void json_network(nn_json *json, const nn_network *net) {
    nn_json_open(json, "network", '{');
    nn_json_real(json, "latency_s", net->latency);
    nn_json_real(json, "overhead_s", net->overhead);
    nn_json_real(json, "gbits", gbits_of(net));
    nn_json_close(json, '}');
}

/* Strong or weak scaling, and the names of the layers whose gradients go by rows. */
static int json_prediction(nn_json *json, struct scaling *s, size_t network, int nodes,
                           bool strong) {
    const nn_network *net = &s->network[network];
    nn_prediction p;
    NN_TRY(nn_scaling_predict(&s->model, net, nodes, strong, &p));
    nn_json_open(json, strong ? "strong" : "weak", '{');
    nn_json_real(json, "efficiency", p.efficiency);
    nn_json_real(json, "seconds", p.step.seconds);
    nn_json_real(json, "exposed_s", p.step.exposed);
    nn_json_open(json, "by_rows", '[');
    for (size_t i = 0; i < s->step.layers; i++)
        if (nn_scaling_by_rows(&s->model, i, net, nodes))
            nn_json_string(json, NULL, s->step.layer[i].name);
    nn_json_close(json, ']');
    nn_json_close(json, '}');
    return 0;
}

static int json_scaling(nn_json *json, struct scaling *s) {
    nn_json_open(json, "scaling", '[');
    for (int nodes = 2; ranks_of(s, nodes) <= MOST_RANKS; nodes *= 2)
        for (size_t i = 0; i < s->networks; i++) {
            nn_json_open(json, NULL, '{');
            nn_json_int(json, "ranks", ranks_of(s, nodes));
            nn_json_real(json, "gbits", s->gbits[i]);
            nn_json_bool(json, "here", s->here && i == 0);
            NN_TRY(json_prediction(json, s, i, nodes, true));
            NN_TRY(json_prediction(json, s, i, nodes, false));
            nn_json_close(json, '}');
        }
    nn_json_close(json, ']');
    return 0;
}

static int print_json(const nn_call *call, struct scaling *s) {
    nn_json json;
    NN_TRY(nn_bench_json_begin(call, &json));
    nn_json_int(&json, "ranks", nn_comm_size(call->comm));
    nn_json_int(&json, "nodes", s->model.nodes);
    if (s->here)
        json_network(&json, &s->network[0]);
    nn_bench_step_json(&json, &s->step);
    NN_TRY(json_scaling(&json, s));
    return nn_bench_json_end(&json);
}

static int predict(const nn_call *call, struct scaling *s) {
    const scaling_options *o = call->options;
    int nodes = nn_comm_nodes(call->comm), ranks = nn_comm_size(call->comm) / nodes;
    NN_TRY(nn_scaling_init(&s->model, &s->step, nodes, ranks, call->pool));
    return o->json ? print_json(call, s) : print_scaling(call, s);
}

/* What is simulated are nodes that are alike. */
static int check_even(nn_comm *comm) {
    int size = nn_comm_size(comm), nodes = nn_comm_nodes(comm), rc = 0;
    if (nn_comm_node_size(comm) * nodes != size)
        rc = nn_fail(NN_EUSAGE,
                     "the %d ranks are not spread evenly over the %d nodes: start as many on "
                     "each, as all nodes have in what is predicted",
                     size, nodes);
    return nn_comm_agree(comm, rc);
}

static int run_scaling(const nn_call *call) {
    const scaling_options *o = call->options;
    struct scaling s = {.networks = 0};
    NN_TRY(check_even(call->comm));
    NN_TRY(find_networks(call, &s));
    NN_TRY(nn_bench_measure(call, &o->what, NULL, &s.step));
    return nn_comm_agree(call->comm, nn_comm_rank(call->comm) == 0 ? predict(call, &s) : 0);
}

static const char *const config_argument[] = {"config", NULL};

const nn_verb nn_verb_bench_scaling = {
    .entry = {"scaling", "Efficiency to expect on more ranks and other networks.", scaling_table,
              sizeof(scaling_options)},
    .usage = "[CONFIG] [options]",
    .example = "mpirun -n 2 nnmpi bench scaling mnist.yaml",
    .arguments = config_argument,
    .collective = true,
    .run = run_scaling,
};
