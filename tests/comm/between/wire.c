/* ranks: 2 3 4 */
/* nodes: 2 */
/* Messages of any size come whole, whoever looks after them, in any order of channels, and again in
 * every pass; sums and what arrives are told of once; and what has failed has not come. */
#include "comm/between/wire.h"

#include "base/mem.h"
#include "check.h"
#include "comm/comm.h"
#include "comm/wait.h"

#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 7, PASSES = 20, MOST = 1 << 20, VALUES = 100000 };

static const size_t sizes[CHANNELS] = {0, 1, 1000, 262144, 262145, MOST, 3};

/* A channel between this rank and each other. */
struct trial {
    nn_wire *wire;
    nn_channel channel;
    unsigned char *out, *in; /* [others][size]: the same to all, one of each */
    size_t size;
    int told; /* times that all had come or gone */
};

static unsigned char byte_of(int rank, size_t channel, int pass, size_t i) {
    return (unsigned char)(i * 7 + channel * 31 + (size_t)pass * 13 + (size_t)rank);
}

static void told(void *ctx, nn_channel *c) {
    struct trial *t = ctx;
    t->told += c->coming == 0 && c->going == 0;
}

static void open_trial(nn_comm *comm, nn_wire *wire, size_t k, struct trial *t) {
    int me = nn_comm_rank(comm), size = nn_comm_size(comm);
    size_t others = (size_t)size - 1, i = 0;
    *t = (struct trial){.wire = wire, .size = sizes[k]};
    t->out = malloc(t->size + 1);
    t->in = malloc(others * t->size + 1);
    t->channel = (nn_channel){.tag = (int)k,
                              .priority = CHANNELS - k,
                              .in = calloc(others, sizeof(nn_parcel)),
                              .out = calloc(others, sizeof(nn_parcel)),
                              .ins = others,
                              .outs = others,
                              .moved = told,
                              .ctx = t};
    for (int rank = 0; rank < size; rank++) {
        if (rank == me)
            continue;
        t->channel.out[i] = (nn_parcel){rank, t->out, t->size};
        t->channel.in[i] = (nn_parcel){rank, t->in + i * t->size, t->size};
        i++;
    }
    nn_wire_reserve(wire, &t->channel);
}

static void close_trial(struct trial *t) {
    free(t->out);
    free(t->in);
    free(t->channel.in);
    free(t->channel.out);
}

static bool is_empty(void *ctx) {
    nn_wire *wire = ctx;
    nn_wire_poll(wire);
    return nn_wire_is_empty(wire);
}

static bool has_failed(void *ctx) {
    nn_wire *wire = ctx;
    nn_wire_poll(wire);
    return nn_wire_failed(wire);
}

static size_t wrong_bytes(const struct trial *t, size_t k, int pass) {
    size_t wrong = 0;
    for (size_t p = 0; p < t->channel.ins; p++)
        for (size_t i = 0; i < t->size; i++)
            wrong += t->in[p * t->size + i] != byte_of(t->channel.in[p].rank, k, pass, i);
    return wrong;
}

/* Ranks announce what they send in different orders. */
static void run_pass(nn_comm *comm, struct trial *t, int pass) {
    int me = nn_comm_rank(comm);
    for (size_t k = 0; k < CHANNELS; k++) {
        t[k].told = 0;
        for (size_t i = 0; i < t[k].size; i++)
            t[k].out[i] = byte_of(me, k, pass, i);
        nn_wire_receive(t[k].wire, &t[k].channel);
    }
    for (size_t i = 0; i < CHANNELS; i++)
        nn_wire_send(t[0].wire, &t[(i + (size_t)me) % CHANNELS].channel);
    nn_wait_polling(is_empty, t[0].wire, true);
    for (size_t k = 0; k < CHANNELS; k++) {
        CHECK_EQ_INT(wrong_bytes(&t[k], k, pass), 0);
        CHECK(t[k].told >= 1);
    }
}

static void test_messages(nn_comm *comm) {
    struct trial t[CHANNELS];
    nn_wire *wire;
    if (!CHECK_EQ_INT(nn_wire_new(comm, &wire), 0))
        return;
    for (size_t k = 0; k < CHANNELS; k++)
        open_trial(comm, wire, k, &t[k]);
    CHECK_EQ_INT(nn_wire_start(wire), 0);
    for (int pass = 0; pass < PASSES; pass++)
        run_pass(comm, t, pass);
    CHECK(!nn_wire_failed(wire));
    CHECK_EQ_INT(nn_wire_check(wire), 0);
    nn_wire_free(wire);
    for (size_t k = 0; k < CHANNELS; k++)
        close_trial(&t[k]);
}

/* More messages at a time than a look asks MPI for, each of a byte. */
enum { MANY = 1500 };

static void test_many(nn_comm *comm) {
    static unsigned char out[MANY], in[MANY];
    static nn_parcel to[MANY], from[MANY];
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm), before = (rank + size - 1) % size;
    nn_channel channel = {.in = from, .ins = MANY, .out = to, .outs = MANY};
    nn_wire *wire;
    if (!CHECK_EQ_INT(nn_wire_new(comm, &wire), 0))
        return;
    for (int i = 0; i < MANY; i++) {
        to[i] = (nn_parcel){(rank + 1) % size, &out[i], 1};
        from[i] = (nn_parcel){before, &in[i], 1};
    }
    nn_wire_reserve(wire, &channel);
    CHECK_EQ_INT(nn_wire_start(wire), 0);
    for (int pass = 0; pass < PASSES; pass++) {
        size_t wrong = 0;
        for (size_t i = 0; i < MANY; i++)
            out[i] = byte_of(rank, 0, pass, i);
        nn_wire_receive(wire, &channel);
        nn_wire_send(wire, &channel);
        nn_wait_polling(is_empty, wire, true);
        for (size_t i = 0; i < MANY; i++)
            wrong += in[i] != byte_of(before, 0, pass, i);
        CHECK_EQ_INT(wrong, 0);
    }
    nn_wire_free(wire);
}

static void test_sums(nn_comm *comm) {
    nn_channel channel = {0};
    nn_wire *wire;
    int size = nn_comm_size(comm);
    size_t wrong = 0;
    if (!CHECK_EQ_INT(nn_wire_new(comm, &wire), 0))
        return;
    double *values = malloc(VALUES * sizeof *values);
    nn_wire_reserve_sum(wire, VALUES);
    CHECK_EQ_INT(nn_wire_start(wire), 0);
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < VALUES; i++)
            values[i] = (double)(i % 1000) * (nn_comm_rank(comm) + 1) + pass;
        nn_wire_sum(wire, &channel, comm->world,
                    &(nn_values){values, VALUES, sizeof *values, MPI_DOUBLE, NULL, MPI_SUM});
        nn_wait_polling(is_empty, wire, true);
        for (size_t i = 0; i < VALUES; i++)
            wrong += values[i] != (double)(i % 1000) * (size * (size + 1) / 2.0) + pass * size;
    }
    CHECK_EQ_INT(wrong, 0);
    nn_wire_free(wire);
    free(values);
}

/* More comes than there is room for: it does not count as having come, and MPI's reason is told. */
static void test_failure(nn_comm *comm) {
    static char bytes[200];
    int rank = nn_comm_rank(comm), size = nn_comm_size(comm);
    nn_parcel to = {(rank + 1) % size, bytes, 100},
              from = {(rank + size - 1) % size, bytes + 100, 8};
    nn_channel channel = {.in = &from, .ins = 1, .out = &to, .outs = 1};
    nn_wire *wire;
    if (!CHECK_EQ_INT(nn_wire_new(comm, &wire), 0))
        return;
    nn_wire_reserve(wire, &channel);
    CHECK_EQ_INT(nn_wire_start(wire), 0);
    nn_wire_receive(wire, &channel);
    nn_wire_send(wire, &channel);
    nn_wait_polling(has_failed, wire, true);
    CHECK_EQ_INT(channel.coming, 1);
    CHECK_EQ_INT(nn_wire_check(wire), NN_ERANK);
    CHECK(strstr(nn_error_message(), "a message between nodes failed: ") != NULL);
    CHECK(strstr(nn_error_message(), "runcated") != NULL);
    comm->broken = false; /* MPI goes on after this one */
    nn_wire_free(wire);
}

int main(void) {
    nn_comm *comm;
    CHECK_EQ_INT(nn_comm_init(&comm), 0);
    if (!comm)
        return check_done();
    bool threads = comm->threads;
    for (int i = 0; i < 2; i++) {
        comm->threads = threads && i == 0; /* a thread looks after them, or who waits */
        test_messages(comm);
        test_many(comm);
        test_sums(comm);
    }
    nn_wire_free(NULL);
    test_failure(comm);
    nn_comm_free(comm);
    return check_done();
}
