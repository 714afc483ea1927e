/* The replica check. What several ranks hold alike, parameters and optimiser state, is compared by
 * hashes: one number for all of it as long as the replicas agree. Where they do not, ranges are
 * divided into ever smaller ones, and those whose hashes differ are followed. */
#include "comm/reduce/replicas.h"

#include "base/log.h"
#include "base/numbers/rng.h"
#include "base/system/clock.h"
#include "comm/heartbeat.h"
#include "math/parallel.h"
#include "train/replicas/hash.h"
#include "train/trainer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Elements of the smallest range that is named or repaired. */
#define SMALLEST ((size_t)64)
/* Ranges whose hashes are compared at a time: as many as bits of `differ`. */
#define FAN ((size_t)64)

/* Elements of a block, the smallest range that a thread hashes; blocks that are worth a fork and
 * join; and what a block counts for nn_parallel. */
#define BLOCK NN_PARTITION_CELL
#define GRAIN 8
#define PARALLEL_UNIT 16

/* ---- what is replicated ---------------------------------------------------------------------- */

/* The part of a tensor that is in a slice of this rank, in one of the vectors. */
struct range {
    size_t vector; /* 0: the parameters */
    const nn_param *param;
    size_t begin, count; /* elements of the parameter vector */
    nn_real *x;          /* [count] */
};

typedef int range_fn(void *ctx, const struct range *range);

/* Parameters and their average are whole vectors; then come this rank's shares of the optimiser's
 * state, where other nodes have them. */
static size_t whole_vectors(const nn_session *s) {
    return s->average ? 2 : 1;
}

static nn_real *vector_at(const nn_session *s, size_t vector, const nn_slice *slice, size_t begin) {
    size_t whole = whole_vectors(s);
    if (vector < whole)
        return nn_reducer_vector(s->reducer, vector) + begin;
    return s->slot[vector - whole] + slice->at + (begin - slice->begin);
}

static int visit_slice(const nn_session *s, size_t vector, const nn_slice *slice, range_fn *fn,
                       void *ctx) {
    const nn_param *const *param;
    size_t params = nn_model_params(s->model, &param);
    for (size_t i = 0; i < params; i++) {
        size_t begin = param[i]->offset, end = begin + param[i]->count;
        begin = begin > slice->begin ? begin : slice->begin;
        end = end < slice->end ? end : slice->end;
        if (begin < end)
            NN_TRY(fn(ctx, &(struct range){vector, param[i], begin, end - begin,
                                           vector_at(s, vector, slice, begin)}));
    }
    return 0;
}

/* Calls fn with every range of this rank's share, in the same order on all replicas of it. */
static int visit_share(const nn_session *s, range_fn *fn, void *ctx) {
    for (size_t v = 0; v < whole_vectors(s) + s->slots; v++)
        for (size_t i = 0; i < nn_reducer_slices(s->reducer); i++) {
            bool whole = v < whole_vectors(s);
            nn_slice slice =
                whole ? nn_reducer_slice(s->reducer, i) : nn_reducer_part(s->reducer, i);
            if (whole || !nn_reducer_divides_slice(s->reducer, i))
                NN_TRY(visit_slice(s, v, &slice, fn, ctx));
        }
    return 0;
}

static uint64_t hash_of(const nn_real *x, size_t count) {
    return nn_hash_bytes(x, count * sizeof *x);
}

/* ---- one number for all of it ---------------------------------------------------------------- */

struct total {
    const nn_compute *compute;
    const struct range *range;
    _Atomic uint64_t sum; /* of the blocks' hashes, mixed with where they stand: in any order */
};

static void add_blocks(void *ctx, size_t begin, size_t end) {
    struct total *total = ctx;
    const struct range *p = total->range;
    uint64_t sum = 0;
    for (size_t i = begin / PARALLEL_UNIT; i < end / PARALLEL_UNIT; i++) {
        size_t at = i * BLOCK, count = p->count - at < BLOCK ? p->count - at : BLOCK;
        sum += nn_mix64(hash_of(p->x + at, count) ^ nn_mix64(nn_mix64(p->vector) + p->begin + at));
    }
    atomic_fetch_add_explicit(&total->sum, sum, memory_order_relaxed);
}

static int add_range(void *ctx, const struct range *range) {
    struct total *total = ctx;
    size_t blocks = (range->count + BLOCK - 1) / BLOCK;
    total->range = range;
    nn_parallel(total->compute, blocks * PARALLEL_UNIT, GRAIN * PARALLEL_UNIT, add_blocks, total);
    return 0;
}

static uint64_t hash_share(const nn_session *s) {
    struct total total = {.compute = &s->compute};
    visit_share(s, add_range, &total);
    return atomic_load(&total.sum);
}

/* ---- where they differ ----------------------------------------------------------------------- */

#define NAME 288

/* What a rank has found out about its own replica. */
struct finding {
    int64_t ranges;    /* in which it is not as the others */
    bool lost;         /* for one of them there is no majority */
    char who[NAME];    /* "rank 2 on host" */
    char others[NAME]; /* whose bits are others: "most of 3 replicas", "rank 0 on host" */
    char where[256];   /* the first of them */
};

struct search {
    const nn_session *session;
    bool repairs;
    const struct range *range;
    size_t replicas;
    int me;
    uint64_t *hashes;    /* [replicas][FAN] */
    char (*names)[NAME]; /* [replicas], finding.who of each */
    struct finding mine;
};

/* "layer 'hidden', weight, elements 64 to 127 of 784"; in the order of memory. */
static void describe(struct search *s, size_t begin, size_t count) {
    const struct range *p = s->range;
    const nn_session *session = s->session;
    size_t whole = whole_vectors(session), first = p->begin + begin - p->param->offset;
    char what[96] = "";
    if (p->vector >= whole)
        snprintf(what, sizeof what, "the optimiser's %s of ",
                 session->slot_name[p->vector - whole]);
    else if (p->vector > 0)
        snprintf(what, sizeof what, "the average of ");
    snprintf(s->mine.where, sizeof s->mine.where, "%slayer '%s', %s, elements %zu to %zu of %zu",
             what, p->param->layer->name, p->param->name, first, first + count - 1,
             p->param->count);
}

/* The replica whose hash of range `i` more than half of them have; -1: there is none. The vote of
 * Boyer and Moore. */
static int find_majority(const struct search *s, size_t i) {
    size_t votes = 0, have = 0, at = 0;
    for (size_t r = 0; r < s->replicas; r++) {
        if (votes == 0)
            at = r;
        votes += s->hashes[r * FAN + i] == s->hashes[at * FAN + i] ? 1 : (size_t)-1;
    }
    for (size_t r = 0; r < s->replicas; r++)
        have += s->hashes[r * FAN + i] == s->hashes[at * FAN + i];
    return have > s->replicas / 2 ? (int)at : -1;
}

/* Range `i` of those whose hashes are there, `count` elements from `begin` of the range on. Without
 * a majority those count as odd that are not as the first one. */
static int decide_smallest(struct search *s, size_t i, size_t begin, size_t count) {
    int right = find_majority(s, i);
    size_t model = right < 0 ? 0 : (size_t)right;
    struct finding *mine = &s->mine;
    if (s->hashes[(size_t)s->me * FAN + i] != s->hashes[model * FAN + i]) {
        if (mine->ranges++ == 0)
            describe(s, begin, count);
        if (right < 0 && !mine->lost)
            snprintf(mine->others, sizeof mine->others, "%s", s->names[0]);
        mine->lost = mine->lost || right < 0;
    }
    if (right < 0 || !s->repairs)
        return 0;
    nn_real *x = s->range->x + begin;
    return nn_replicas_copy(s->session->reducer, right, x, count * sizeof *x);
}

/* The hashes of ranges of `part` elements that cover [begin, begin + count) of the range, from all
 * replicas, and which of them are not the same everywhere, as bits. */
static int compare_parts(struct search *s, size_t begin, size_t count, size_t part,
                         uint64_t *differ) {
    uint64_t mine[FAN] = {0};
    *differ = 0;
    for (size_t i = 0; i * part < count; i++) {
        size_t left = count - i * part;
        mine[i] = hash_of(s->range->x + begin + i * part, left < part ? left : part);
    }
    NN_TRY(nn_replicas_gather(s->session->reducer, mine, sizeof mine, s->hashes));
    for (size_t r = 1; r < s->replicas; r++)
        for (size_t i = 0; i < FAN; i++)
            *differ |= (uint64_t)(s->hashes[r * FAN + i] != s->hashes[i]) << i;
    return 0;
}

/* Follows a range that differs, or may. */
static int follow(struct search *s, size_t begin, size_t count) {
    size_t part = SMALLEST;
    uint64_t differ;
    while (part * FAN < count)
        part *= FAN;
    NN_TRY(compare_parts(s, begin, count, part, &differ));
    for (size_t i = 0; i < FAN; i++) {
        size_t left = count - i * part, n = left < part ? left : part;
        if (!(differ >> i & 1))
            continue;
        NN_TRY(part == SMALLEST ? decide_smallest(s, i, begin + i * part, n)
                                : follow(s, begin + i * part, n));
    }
    return 0;
}

static int follow_range(void *ctx, const struct range *range) {
    struct search *s = ctx;
    s->range = range;
    return follow(s, 0, range->count);
}

/* ---- what is said and done ------------------------------------------------------------------- */

static int open_search(struct search *s, const nn_trainer *t) {
    int replicas = nn_replicas_count(t->session.reducer);
    s->repairs = t->options->on_mismatch == NN_MISMATCH_REPAIR;
    s->replicas = replicas > 1 ? (size_t)replicas : 0;
    snprintf(s->mine.who, NAME, "rank %d on %s", nn_comm_rank(t->comm), nn_comm_host(t->comm));
    snprintf(s->mine.others, NAME, "most of %zu replicas", s->replicas);
    NN_TRY(NN_NEW(&s->hashes, s->replicas * FAN + 1, "comparison of replicas"));
    return NN_NEW(&s->names, s->replicas + 1, "comparison of replicas");
}

static void close_search(struct search *s) {
    nn_free(s->hashes);
    nn_free(s->names);
}

static int look(struct search *s) {
    nn_reducer *reducer = s->session->reducer;
    if (s->replicas == 0)
        return 0;
    s->me = nn_replicas_mine(reducer);
    NN_TRY(nn_replicas_gather(reducer, s->mine.who, NAME, s->names));
    return visit_share(s->session, follow_range, s);
}

/* What the ranks have found, in a sentence; whether a majority is missing somewhere. */
static bool sum_up(const nn_trainer *t, const struct finding *all, char *text, size_t size) {
    const struct finding *first = NULL;
    long long ranges = 0;
    int ranks = 0;
    bool lost = false;
    for (int r = 0; r < nn_comm_size(t->comm); r++) {
        ranges += all[r].ranges;
        ranks += all[r].ranges > 0;
        lost = lost || all[r].lost;
        first = !first && all[r].ranges > 0 ? &all[r] : first;
    }
    snprintf(text, size,
             "the replicas differ after step %lld: %s holds other bits than %s in %s (in all %lld "
             "ranges of at most %zu elements, on %d of %d ranks)",
             (long long)t->state.step, first ? first->who : "", first ? first->others : "",
             first ? first->where : "", ranges, SMALLEST, ranks, nn_comm_size(t->comm));
    return lost;
}

/* Where no majority knows better. */
static int go_back(nn_trainer *t, const char *text, bool *rewound) {
    NN_TRY(nn_trainer_rewind(t, rewound));
    if (!*rewound)
        return nn_fail(NN_ERANK,
                       "%s; there is no majority, and no checkpoint to go back to: begin anew",
                       text);
    if (t->run)
        nn_warn("%s; there is no majority: going back to the checkpoint of step %lld", text,
                (long long)t->state.step);
    return 0;
}

/* The checkpoint under way is of equal replicas, and what the run will go on from. */
static int finish_saving(nn_trainer *t) {
    int rc = t->saver ? nn_trainer_wait_written(t) : 0;
    return rc == NN_ERANK ? rc : 0; /* of the two failures this one matters less */
}

/* The same on every rank. */
static int act(nn_trainer *t, const struct finding *all, bool *rewound) {
    char text[1200];
    bool lost = sum_up(t, all, text, sizeof text);
    if (t->options->on_mismatch != NN_MISMATCH_REPAIR) {
        NN_TRY(finish_saving(t));
        return nn_fail(NN_ERANK,
                       "%s; memory or a processor there may be faulty; run again with --resume, "
                       "which goes on from the last checkpoint, or with --on-mismatch repair",
                       text);
    }
    if (lost)
        return go_back(t, text, rewound);
    if (t->run)
        nn_warn("%s; repaired with what most of them hold", text);
    return 0;
}

static int resolve(nn_trainer *t, bool *rewound) {
    struct search s = {.session = &t->session};
    struct finding *all = NULL;
    size_t ranks = (size_t)nn_comm_size(t->comm);
    int rc = NN_NEW(&all, ranks, "comparison of replicas");
    rc = rc < 0 ? rc : open_search(&s, t);
    NN_TRY_GOTO(nn_comm_agree(t->comm, rc));
    NN_TRY_GOTO(look(&s));
    NN_TRY_GOTO(nn_comm_gather(t->comm, &s.mine, sizeof s.mine, all));
    NN_TRY_GOTO(act(t, all, rewound));
done:
    close_search(&s);
    nn_free(all);
    return rc;
}

int nn_trainer_compare_replicas(nn_trainer *t, bool *rewound) {
    bool equal;
    *rewound = false;
    if (t->session.settings->train.check_replicas == 0 || t->compared_step == t->state.step ||
        !nn_replicas_any(t->session.reducer))
        return 0;
    NN_TRY(nn_trainer_complete_step(t));
    double since = nn_seconds();
    nn_comm_at(t->comm, NN_PHASE_COMPARE);
    uint64_t hash = hash_share(&t->session);
    t->compare_s = nn_seconds() - since;
    NN_TRY(nn_replicas_equal(t->session.reducer, hash, &equal));
    if (!equal)
        NN_TRY(resolve(t, rewound));
    t->compared_step = t->state.step;
    nn_trainer_pause(t, since);
    return 0;
}
