#include "comm/between/link.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system/clock.h"
#include "comm/between/ring.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "math/gemm/gemm.h"
#include "math/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 10, WIDTH = 256 };
#define MESSAGE ((size_t)1 << 19) /* bytes that a node gets, about */
/* Times the bandwidth that was measured before: on a busy machine half or twice of it is noise. */
#define FAR 4

/* Seconds in which every node tells all others `count` bytes; the least of some rounds. */
static int time_gather(nn_comm *comm, char *all, size_t count, double *least) {
    for (int i = 0; i < ROUNDS; i++) {
        NN_TRY(nn_mpi_barrier(comm, comm->leaders));
        double begin = nn_seconds();
        NN_TRY(nn_mpi_allgather(comm, comm->leaders, all, (int)count));
        double seconds = nn_seconds() - begin;
        *least = i == 0 || seconds < *least ? seconds : *least;
    }
    return 0;
}

/* By the first rank of each node; all[nodes][count]. */
static int measure_network(nn_comm *comm, size_t count, char *all, nn_link *out) {
    double brief = 0, whole = 0;
    NN_TRY(nn_ring_latency(comm, ROUNDS, 0, &out->latency, &out->overhead));
    NN_TRY(time_gather(comm, all, 8, &brief));
    NN_TRY(time_gather(comm, all, count, &whole));
    out->latency = fmax(out->latency, 1e-9);
    /* on a busy machine the brief one may take as long as the other */
    out->bandwidth = (double)count * (comm->nodes - 1) / fmax(whole - fmin(brief, whole / 2), 1e-9);
    return 0;
}

/* a[3][WIDTH][WIDTH] */
static void measure_products(const nn_compute *compute, nn_real *a, double *flops) {
    double least = 0;
    nn_real *b = a + WIDTH * WIDTH, *c = b + WIDTH * WIDTH;
    for (int i = 0; i < ROUNDS; i++) {
        double begin = nn_seconds();
        nn_gemm(compute, NN_TRANSPOSED, NN_PLAIN, WIDTH, WIDTH, WIDTH, 1, a, WIDTH, b, WIDTH, 0, c,
                WIDTH);
        double seconds = nn_seconds() - begin;
        least = i == 0 || seconds < least ? seconds : least;
    }
    *flops = (double)(2 * WIDTH * WIDTH * WIDTH) / (least > 0 ? least : 1e-9);
}

static int measure(nn_comm *comm, const nn_compute *compute, nn_link *link) {
    size_t count = MESSAGE / (size_t)(comm->nodes - 1) + 1;
    nn_real *a = NULL;
    char *all = NULL;
    int rc = NN_NEW(&a, 3 * (size_t)WIDTH * WIDTH, "measuring products");
    if (rc == 0)
        rc = NN_NEW(&all, count * (size_t)comm->nodes, "measuring the network");
    rc = nn_comm_agree(comm, rc); /* who has no memory for it would be waited for */
    if (rc == 0 && comm->leaders != MPI_COMM_NULL)
        rc = measure_network(comm, count, all, link);
    if (rc == 0)
        measure_products(compute, a, &link->flops);
    nn_free(a);
    nn_free(all);
    return nn_comm_agree(comm, rc);
}

/* How a rank computes, which the bits of a product depend on. */
struct arithmetic {
    char name[256];
    int threads;
};

static int products_alike(nn_comm *comm, const nn_compute *compute, nn_link *link) {
    struct arithmetic mine = {.threads = nn_compute_threads(compute)}, *all;
    char products[NN_GEMM_TEXT];
    snprintf(mine.name, sizeof mine.name, "%s %s", nn_gemm_name(compute, products),
             nn_kernels_get()->isa);
    NN_TRY(nn_comm_agree(comm, NN_NEW(&all, (size_t)comm->size, "comparing ranks")));
    int rc = nn_comm_gather(comm, &mine, sizeof mine, all);
    link->alike = true;
    link->threads = mine.threads;
    for (int i = 0; rc == 0 && i < comm->size; i++) {
        link->alike = link->alike && strcmp(all[i].name, mine.name) == 0;
        link->threads = all[i].threads < link->threads ? all[i].threads : link->threads;
    }
    nn_free(all);
    return rc;
}

/* What is chosen stays as long as a run goes on, although the network's speed may have changed. */
static void warn_if_far(const nn_comm *comm, double before, double now) {
    if (comm->rank == 0 && (now > FAR * before || before > FAR * now))
        nn_warn("the network between the nodes carries %.3g GB/s, and %.3g when the run chose what "
                "nodes send each other; that stays, for the same bits (train.between_nodes: "
                "remeasure chooses anew)",
                now / 1e9, before / 1e9);
}

int nn_link_measure(nn_comm *comm, const nn_compute *compute, nn_link *link) {
    nn_link now = {.nodes = comm->nodes};
    if (comm->nodes == 1)
        return 0;
    NN_TRY(measure(comm, compute, &now));
    NN_TRY(products_alike(comm, compute, &now));
    NN_TRY(nn_comm_bcast(comm, &now, sizeof now));
    if (link->nodes == comm->nodes) {
        warn_if_far(comm, link->bandwidth, now.bandwidth);
        now.latency = link->latency;
        now.overhead = link->overhead;
        now.bandwidth = link->bandwidth;
        now.flops = link->flops;
    }
    *link = now;
    return 0;
}

const char *nn_link_text(const nn_link *link, char text[NN_LINK_TEXT]) {
    snprintf(text, NN_LINK_TEXT, "%a %a %a %d %a", link->latency, link->bandwidth, link->flops,
             link->nodes, link->overhead);
    return text;
}

static bool is_sound(double x) {
    return isfinite(x) && x > 0;
}

bool nn_link_read(const char *text, nn_link *out) {
    nn_link link = {0};
    int count = sscanf(text, "%la %la %la %d %la", &link.latency, &link.bandwidth, &link.flops,
                       &link.nodes, &link.overhead);
    if (count < 4 || link.nodes < 2 || !is_sound(link.latency) || !is_sound(link.bandwidth) ||
        !is_sound(link.flops) || !(isfinite(link.overhead) && link.overhead >= 0))
        return false;
    *out = link;
    return true;
}

static double multiply_seconds(const nn_link *link, const nn_exchange_costs *c, double rows) {
    return 2 * rows / c->ranks * c->work / link->flops;
}

/* What a node sends: bytes, messages, and how often it waits for what others send. */
static double send_seconds(const nn_link *link, double bytes, double messages, double rounds) {
    return bytes / link->bandwidth + messages * link->overhead + rounds * link->latency;
}

int nn_halvings(int nodes) {
    int count = 0;
    while ((nodes - 1) >> count > 0)
        count++;
    return count;
}

/* Two nodes send each other all of it, more of them each a part to each, and the sums back, or
 * halves of it to one after the other. */
double nn_sums_seconds(const nn_link *link, const nn_exchange_costs *c) {
    double moved = 2 * (c->nodes - 1) / c->nodes * c->bytes;
    double rounds = c->nodes == 2 ? 1 : c->direct ? 2 : 2 * nn_halvings((int)c->nodes);
    double messages = c->direct ? rounds * (c->nodes - 1) : rounds;
    return send_seconds(link, moved, c->buckets * messages, rounds) +
           multiply_seconds(link, c, c->rows / c->nodes);
}

/* Both sides of them to each node. */
double nn_rows_seconds(const nn_link *link, const nn_exchange_costs *c) {
    double moved = (c->nodes - 1) * c->rows / c->nodes * c->row_bytes;
    return send_seconds(link, moved, 2 * (c->nodes - 1), 1) + multiply_seconds(link, c, c->rows);
}

bool nn_rows_pay(const nn_link *link, const nn_exchange_costs *c) {
    return nn_rows_seconds(link, c) < nn_sums_seconds(link, c);
}
