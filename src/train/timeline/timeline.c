#include "train/timeline/timeline.h"

#include "base/log.h"
#include "base/system/clock.h"
#include "train/timeline/chrome.h"

#include <math.h>
#include <stdio.h>

/* Events of a step besides those of its layers, and of each layer in a pass; there are a few
 * buckets to sum for each layer with parameters. */
enum { OF_STEP = 64, OF_LAYER = 8 };
/* No more events of a rank: 32 MiB. */
#define MOST ((size_t)1 << 20)
/* Messages to and fro; the fastest counts. */
enum { ROUNDS = 16 };

struct nn_timeline {
    nn_session *session;
    nn_trace *trace;
    nn_clock_offset *clock;   /* [ranks] on rank 0 */
    nn_trace_event *received; /* [capacity] on rank 0 */
    int64_t first, last;      /* steps that are wanted, */
    int64_t begun, step;      /* and that are there */
    bool on;
};

int nn_timeline_new(nn_session *session, nn_timeline **out) {
    const nn_settings *set = session->settings;
    const nn_layer *const *layer;
    nn_timeline *t;
    *out = NULL;
    if (!set->train.trace_node)
        return 0;
    NN_TRY(NN_NEW(out, 1, "train.trace"));
    t = *out;
    t->session = session;
    t->first = set->train.trace.first;
    t->last = set->train.trace.last;
    size_t steps = (size_t)(t->last - t->first) + 1;
    size_t layers = nn_model_layers(session->model, &layer);
    size_t each = OF_STEP + OF_LAYER * layers * (size_t)set->train.accumulate;
    size_t events = steps < MOST / each ? steps * each : MOST;
    if (nn_comm_rank(session->comm) == 0) {
        NN_TRY(NN_NEW(&t->clock, (size_t)nn_comm_size(session->comm), "train.trace"));
        NN_TRY(NN_NEW(&t->received, events, "train.trace"));
    }
    NN_TRY(nn_trace_new(events, &t->trace));
    session->trace = t->trace;
    return 0;
}

void nn_timeline_free(nn_timeline *t) {
    if (!t)
        return;
    nn_trace_free(t->trace);
    nn_free(t->received);
    nn_free(t->clock);
    nn_free(t);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

/* Rank 0 sends its clock and gets the other's. Half of the fastest way there and back is what the
 * difference may be wrong by. */
static int compare_clock(nn_timeline *t, int rank) {
    nn_comm *comm = t->session->comm;
    nn_clock_offset best = {0, INFINITY};
    for (int i = 0; i < ROUNDS; i++) {
        double begin = nn_seconds(), theirs = begin;
        NN_TRY(nn_comm_send(comm, rank, &theirs, sizeof theirs));
        NN_TRY(nn_comm_receive(comm, rank, &theirs, sizeof theirs));
        double end = nn_seconds();
        if (end - begin < 2 * best.error)
            best = (nn_clock_offset){theirs - (begin + end) / 2, (end - begin) / 2};
    }
    t->clock[rank] = best;
    return 0;
}

static int show_clock(nn_comm *comm) {
    for (int i = 0; i < ROUNDS; i++) {
        double now;
        NN_TRY(nn_comm_receive(comm, 0, &now, sizeof now));
        now = nn_seconds();
        NN_TRY(nn_comm_send(comm, 0, &now, sizeof now));
    }
    return 0;
}

static int compare_clocks(nn_timeline *t) {
    nn_comm *comm = t->session->comm;
    if (nn_comm_rank(comm) > 0)
        return show_clock(comm);
    for (int rank = 1; rank < nn_comm_size(comm); rank++)
        NN_TRY(compare_clock(t, rank));
    return 0;
}

/* ---- the window ------------------------------------------------------------------------------ */

static void watch(nn_timeline *t, bool on) {
    nn_trace_switch(t->trace, on);
    nn_model_trace(t->session->model, on ? t->trace : NULL);
    nn_reducer_trace(t->session->reducer, on ? t->trace : NULL);
    t->on = on;
}

int nn_timeline_before(nn_timeline *t, int64_t step) {
    if (!t || step < t->first || step > t->last)
        return 0;
    t->step = step;
    if (t->on)
        return 0;
    NN_TRY(compare_clocks(t));
    t->begun = step;
    watch(t, true);
    return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* What this rank has noted. */
static nn_rank_trace own(const nn_timeline *t, const nn_trace_event **event) {
    nn_comm *comm = t->session->comm;
    nn_rank_trace of = {.rank = nn_comm_rank(comm)};
    snprintf(of.host, sizeof of.host, "%s", nn_comm_host(comm));
    of.events = nn_trace_events(t->trace, event, &of.left_out);
    return of;
}

static int send(const nn_timeline *t) {
    const nn_trace_event *event;
    nn_rank_trace of = own(t, &event);
    NN_TRY(nn_comm_send(t->session->comm, 0, &of, sizeof of));
    return nn_comm_send(t->session->comm, 0, event, of.events * sizeof *event);
}

/* Of all ranks, one after the other. Where the file cannot be written (NULL) they send all the
 * same. */
static int receive_all(nn_timeline *t, nn_chrome *file) {
    const nn_trace_event *event;
    nn_rank_trace of = own(t, &event);
    nn_comm *comm = t->session->comm;
    if (file)
        nn_chrome_rank(file, &of, event);
    for (int rank = 1; rank < nn_comm_size(comm); rank++) {
        NN_TRY(nn_comm_receive(comm, rank, &of, sizeof of));
        NN_TRY(nn_comm_receive(comm, rank, t->received, of.events * sizeof *t->received));
        of.clock = t->clock[rank];
        if (file)
            nn_chrome_rank(file, &of, t->received);
    }
    return 0;
}

static int write_file(nn_timeline *t, const char *dir) {
    nn_chrome *file = NULL;
    nn_pool pool = {0};
    const char *path = nn_pool_printf(&pool, "%s/trace.json", dir);
    int rc = path ? nn_chrome_begin(path, t->session->model, &file) : NN_EMEMORY;
    int received = receive_all(t, file);
    if (file)
        rc = nn_chrome_end(file, received == 0);
    if (rc == 0 && received == 0)
        nn_info("steps %lld to %lld are in %s: open it in ui.perfetto.dev or chrome://tracing",
                (long long)t->begun, (long long)t->step, path);
    nn_pool_release(&pool);
    return received < 0 ? received : rc;
}

int nn_timeline_end(nn_timeline *t, const char *dir) {
    if (!t || !t->on)
        return 0;
    watch(t, false);
    return nn_comm_agree(t->session->comm, dir ? write_file(t, dir) : send(t));
}

bool nn_timeline_ends(const nn_timeline *t, int64_t step) {
    return t && t->on && step >= t->last;
}
