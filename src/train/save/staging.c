#include "train/save/staging.h"

#include "base/mem.h"
#include "base/system/clock.h"
#include "base/system/worker.h"
#include "comm/heartbeat.h"
#include "comm/wait.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

/* What the ranks of the node tell each other; counters that only grow. */
struct counters {
    alignas(NN_ALIGN) nn_wakeup wakeup; /* the first rank's: a counter of some rank has grown */
    _Atomic uint64_t released[NN_STAGING_BUFFERS]; /* the first rank's: times a buffer was */
    alignas(NN_ALIGN) _Atomic uint64_t copied[NN_STAGING_BUFFERS]; /* copies this rank has ended */
};

/* What this rank copies, and how far it has to wait. */
struct copy {
    nn_staging *staging;
    nn_staging_buffer buffer;
    uint64_t released; /* the buffer is free when it was released so many times */
};

struct nn_staging {
    nn_session *session;
    nn_node_buffer *buffer;
    struct counters *counters;           /* [ranks of the node] */
    nn_real *memory[NN_STAGING_BUFFERS]; /* [vectors][n], then [residuals] bfloat16; NULL: none */
    size_t n, vectors, copiers; /* elements, vectors; ranks that copy, the node's first ones */
    size_t residuals;           /* of all nodes */
    size_t me;                  /* this rank's place in its node */
    nn_worker *worker;          /* NULL: this rank copies nothing */
    struct copy copy;           /* the worker's */
    uint64_t begun[NN_STAGING_BUFFERS];     /* copies */
    uint64_t submitted[NN_STAGING_BUFFERS]; /* times a buffer was submitted */
    uint64_t wanted[NN_STAGING_BUFFERS];    /* copies begun when it was */
    double waited;
    atomic_bool broken;
};

/* Of a buffer; the next one begins at a multiple of a number's size. */
static size_t state_bytes(size_t n, size_t vectors, size_t residuals) {
    return vectors * n * sizeof(nn_real) + (residuals + residuals % 2) * sizeof(uint16_t);
}

static bool keeps_best(size_t bytes) {
    return bytes <= NN_STAGING_BEST_BYTES;
}

size_t nn_staging_bytes(size_t n, size_t vectors, size_t residuals) {
    size_t bytes = state_bytes(n, vectors, residuals);
    return bytes * (keeps_best(bytes) ? 2 : 1);
}

/* The vectors in the order of a snapshot: the model, the optimiser's slots, and where the model is
 * an average, the parameters behind it. */
static size_t vectors_of(const nn_session *session) {
    return 1 + session->slots + (session->average != NULL);
}

/* Those of all nodes. */
static size_t residuals_of(const nn_session *session) {
    return (size_t)nn_comm_nodes(session->comm) * nn_reducer_residuals(session->reducer);
}

size_t nn_staging_bytes_of(const nn_session *session) {
    return nn_staging_bytes(nn_model_size(session->model), vectors_of(session),
                            residuals_of(session));
}

/* ---- copying ----------------------------------------------------------------------------------
 */

/* A slice of a vector of the buffer. */
static nn_real *buffer_at(const nn_staging *s, nn_staging_buffer buffer, size_t vector,
                          size_t begin) {
    return s->memory[buffer] + vector * s->n + begin;
}

static uint16_t *residuals_at(const nn_staging *s, nn_staging_buffer buffer) {
    return (uint16_t *)(void *)buffer_at(s, buffer, s->vectors, 0);
}

/* Of optimiser state, this rank's part. */
static void copy_slice(const nn_staging *s, nn_staging_buffer buffer, const nn_slice *slice,
                       const nn_slice *part) {
    const nn_session *session = s->session;
    size_t bytes = (slice->end - slice->begin) * sizeof(nn_real), slots = session->slots;
    memcpy(buffer_at(s, buffer, 0, slice->begin), nn_session_model_params(session) + slice->begin,
           bytes);
    for (size_t i = 0; i < slots; i++)
        memcpy(buffer_at(s, buffer, 1 + i, part->begin), session->slot[i] + part->at,
               (part->end - part->begin) * sizeof(nn_real));
    if (session->average)
        memcpy(buffer_at(s, buffer, 1 + slots, slice->begin), session->params + slice->begin,
               bytes);
}

static bool is_free(void *ctx) {
    const struct copy *copy = ctx;
    const nn_staging *s = copy->staging;
    return atomic_load(&s->counters[0].released[copy->buffer]) >= copy->released ||
           atomic_load(&s->broken);
}

/* In the worker's thread. */
static void copy_share(void *ctx) {
    const struct copy *copy = ctx;
    nn_staging *s = copy->staging;
    nn_wait(is_free, ctx, &s->counters[0].wakeup);
    if (atomic_load(&s->broken))
        return;
    for (size_t i = 0; i < nn_reducer_slices(s->session->reducer); i++) {
        nn_slice slice = nn_reducer_slice(s->session->reducer, i),
                 part = nn_reducer_part(s->session->reducer, i);
        copy_slice(s, copy->buffer, &slice, &part);
    }
    atomic_fetch_add(&s->counters[s->me].copied[copy->buffer], 1);
    nn_wakeup_signal(&s->counters[0].wakeup);
}

/* What other nodes have. Before the worker, whose copy tells the writer that this rank's part is
 * complete. */
static int gather(nn_staging *s, nn_staging_buffer buffer) {
    nn_comm *comm = s->session->comm;
    nn_reducer *reducer = s->session->reducer;
    bool takes = s->memory[buffer] != NULL, divides = nn_reducer_divides(reducer);
    struct copy copy = {s, buffer, s->submitted[buffer]};
    if (s->residuals == 0 && !divides)
        return 0;
    if (takes) {
        nn_comm_waits(comm, true);
        nn_wait(is_free, &copy, &s->counters[0].wakeup);
        nn_comm_waits(comm, false);
    }
    NN_TRY(nn_reducer_gather_residuals(reducer, takes ? residuals_at(s, buffer) : NULL));
    for (size_t i = 0; divides && i < s->session->slots; i++)
        NN_TRY(nn_reducer_gather(reducer, s->session->slot[i],
                                 takes ? buffer_at(s, buffer, 1 + i, 0) : NULL));
    return 0;
}

/* The worker may be waiting until rank 0 has written what is in the buffer, on a slow disk. */
static void wait_for_copy(nn_staging *s) {
    if (!s->worker || !nn_worker_busy(s->worker))
        return;
    nn_comm_waits(s->session->comm, true);
    nn_worker_wait(s->worker);
    nn_comm_waits(s->session->comm, false);
}

int nn_staging_copy(nn_staging *s, nn_staging_buffer buffer) {
    s->begun[buffer]++;
    NN_TRY(gather(s, buffer));
    wait_for_copy(s);
    if (!s->worker)
        return 0;
    s->waited = 0;
    s->copy = (struct copy){s, buffer, s->submitted[buffer]};
    nn_worker_start(s->worker, copy_share, &s->copy);
    return 0;
}

void nn_staging_submit(nn_staging *s, nn_staging_buffer buffer) {
    s->submitted[buffer]++;
    s->wanted[buffer] = s->begun[buffer];
}

void nn_staging_complete(nn_staging *s) {
    if (!s)
        return;
    double since = nn_seconds();
    wait_for_copy(s);
    s->waited += nn_seconds() - since;
}

int nn_staging_complete_all(const nn_session *session) {
    nn_staging_complete(session->staging);
    return nn_comm_agree(session->comm, 0);
}

double nn_staging_waited(const nn_staging *s) {
    return s->waited;
}

/* ---- the writer's side ------------------------------------------------------------------------
 */

struct copies {
    const nn_staging *staging;
    nn_staging_buffer buffer;
};

static bool all_copied(void *ctx) {
    const struct copies *c = ctx;
    const nn_staging *s = c->staging;
    bool all = true;
    for (size_t p = 0; p < s->copiers; p++)
        all = all && atomic_load(&s->counters[p].copied[c->buffer]) >= s->wanted[c->buffer];
    return all || atomic_load(&s->broken);
}

bool nn_staging_wait(nn_staging *s, nn_staging_buffer buffer) {
    struct copies copies = {s, buffer};
    nn_wait(all_copied, &copies, &s->counters[0].wakeup);
    return !atomic_load(&s->broken);
}

void nn_staging_release(nn_staging *s, nn_staging_buffer buffer) {
    atomic_fetch_add(&s->counters[0].released[buffer], 1);
    nn_wakeup_signal(&s->counters[0].wakeup);
}

void nn_staging_bind(const nn_staging *s, nn_staging_buffer buffer, nn_snapshot *snapshot) {
    snapshot->params = buffer_at(s, buffer, 0, 0);
    for (size_t i = 0; i < snapshot->slots; i++)
        snapshot->slot[i] = buffer_at(s, buffer, 1 + i, 0);
    if (s->residuals > 0)
        snapshot->residual.value = residuals_at(s, buffer);
}

/* ---- life -------------------------------------------------------------------------------------
 */

/* Whether this rank holds a part of the state that no rank of a lower number holds. */
static bool copies(const nn_session *session) {
    size_t owner, owners = nn_reducer_owners(session->reducer, &owner);
    return nn_comm_on_first_node(session->comm) &&
           owner == (size_t)nn_comm_node_rank(session->comm) && owner < owners;
}

static void lay_out(nn_staging *s) {
    char *memory = nn_node_buffer_data(s->buffer);
    size_t ranks = (size_t)nn_comm_node_size(s->session->comm);
    s->counters = (struct counters *)(void *)memory;
    if (!nn_comm_on_first_node(s->session->comm))
        return;
    s->memory[NN_STAGING_LAST] = (nn_real *)(void *)(memory + ranks * sizeof(struct counters));
    size_t buffer = state_bytes(s->n, s->vectors, s->residuals);
    if (keeps_best(buffer))
        s->memory[NN_STAGING_BEST] = s->memory[NN_STAGING_LAST] + buffer / sizeof(nn_real);
}

static int open_memory(nn_staging *s) {
    nn_comm *comm = s->session->comm;
    size_t bytes = (size_t)nn_comm_node_size(comm) * sizeof(struct counters);
    if (nn_comm_on_first_node(comm))
        bytes += nn_staging_bytes_of(s->session);
    NN_TRY(nn_node_buffer_new(comm, bytes, &s->buffer));
    lay_out(s);
    return 0;
}

/* A page that is written for the first time takes far longer than a copy: not while a step waits.
 */
static void touch(void *ctx) {
    nn_staging *s = ctx;
    nn_span residuals = nn_even_span(s->residuals, s->me, s->copiers);
    for (int buffer = 0; buffer < NN_STAGING_BUFFERS && s->memory[buffer]; buffer++) {
        for (size_t i = 0; i < nn_reducer_slices(s->session->reducer); i++) {
            nn_slice slice = nn_reducer_slice(s->session->reducer, i);
            for (size_t v = 0; v < s->vectors; v++)
                memset(buffer_at(s, (nn_staging_buffer)buffer, v, slice.begin), 0,
                       (slice.end - slice.begin) * sizeof(nn_real));
        }
        memset(residuals_at(s, (nn_staging_buffer)buffer) + residuals.begin, 0,
               (residuals.end - residuals.begin) * sizeof(uint16_t));
    }
}

static int start_worker(nn_staging *s) {
    if (!copies(s->session))
        return 0;
    NN_TRY(nn_worker_new("copies for checkpoints", &s->worker));
    nn_worker_start(s->worker, touch, s);
    return 0;
}

int nn_staging_new(nn_session *session, nn_staging **out) {
    nn_staging *s = NULL;
    size_t owner;
    int rc;
    *out = NULL;
    NN_TRY(nn_comm_agree(session->comm, NN_NEW(&s, 1, "checkpoints")));
    s->session = session;
    s->n = nn_model_size(session->model);
    s->vectors = vectors_of(session);
    s->residuals = residuals_of(session);
    s->copiers = nn_reducer_owners(session->reducer, &owner);
    s->me = (size_t)nn_comm_node_rank(session->comm);
    rc = open_memory(s);
    if (rc == 0)
        rc = nn_comm_agree(session->comm, start_worker(s));
    if (rc < 0)
        nn_staging_free(s);
    else
        *out = s;
    return rc;
}

void nn_staging_give_up(nn_staging *s) {
    if (!s)
        return;
    atomic_store(&s->broken, true);
    nn_wakeup_signal(&s->counters[0].wakeup);
}

void nn_staging_free(nn_staging *s) {
    if (!s)
        return;
    nn_worker_free(s->worker);
    nn_node_buffer_free(s->buffer);
    nn_free(s);
}

bool nn_staging_keeps_best(const nn_staging *s) {
    return keeps_best(state_bytes(s->n, s->vectors, s->residuals));
}
