#include "train/balance/balance.h"

#include "base/log.h"
#include "base/mem.h"
#include "train/balance/deal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Ranks are judged each time that the slowest of them has worked so many seconds, ... */
#define PERIOD 1.0
/* ... and the same one is warned about when it was so many times in a row ... */
#define PERIODS 3
/* ... slower than the others by this factor, in all and with each of its rows. */
#define SLOW 1.2
/* What makes steps faster by less is not worth making minibatches anew that were made ahead. */
#define LEAST_GAIN 1.03

struct host {
    char name[64];
};

struct nn_balance {
    nn_comm *comm;
    size_t size;
    struct host *host;  /* [size] */
    nn_rank_work *last; /* [size] since the last report, of each rank */
    nn_rank_work *sum;  /* [size] of the period under way */
    double *sorted;     /* [size] */
    size_t slow;        /* the slowest one of the last period ... */
    int periods;        /* ... and for so many before now; 0: it was not slow */
    bool warned;
    nn_shards *moving; /* NULL: shards stay */
    int64_t *border;   /* [size + 1] where they are to be moved to, ... */
    bool wants_move;   /* ... if so */
};

/* ---- life -------------------------------------------------------------------------------------
 */

static int allocate(nn_balance *b) {
    NN_TRY(NN_NEW(&b->host, b->size, "speeds of the ranks"));
    NN_TRY(NN_NEW(&b->last, b->size, "speeds of the ranks"));
    NN_TRY(NN_NEW(&b->sum, b->size, "speeds of the ranks"));
    NN_TRY(NN_NEW(&b->border, b->size + 1, "speeds of the ranks"));
    return NN_NEW(&b->sorted, b->size, "speeds of the ranks");
}

static int open_balance(nn_balance *b) {
    struct host mine = {""};
    NN_TRY(nn_comm_agree(b->comm, allocate(b)));
    snprintf(mine.name, sizeof mine.name, "%s", nn_comm_host(b->comm));
    return nn_comm_gather(b->comm, &mine, sizeof mine, b->host);
}

int nn_balance_new(nn_comm *comm, nn_shards *moving, nn_balance **out) {
    nn_balance *b = NULL;
    *out = NULL;
    if (nn_comm_size(comm) == 1)
        return 0;
    NN_TRY(nn_comm_agree(comm, NN_NEW(&b, 1, "speeds of the ranks")));
    b->comm = comm;
    b->size = (size_t)nn_comm_size(comm);
    b->moving = moving;
    int rc = open_balance(b);
    if (rc < 0) {
        nn_balance_free(b);
        return rc;
    }
    *out = b;
    return 0;
}

void nn_balance_free(nn_balance *b) {
    if (!b)
        return;
    nn_free(b->host);
    nn_free(b->last);
    nn_free(b->sum);
    nn_free(b->border);
    nn_free(b->sorted);
    nn_free(b);
}

/* ---- who is slow ------------------------------------------------------------------------------
 */

static double work_of(const nn_rank_work *w) {
    return w->computing + w->updating;
}

/* Seconds for each row; of a rank without rows none. */
static double work_of_row(const nn_rank_work *w) {
    return w->rows > 0 ? w->computing / w->rows : 0;
}

/* v[n] are put in another order, in which v[k] is the one that is larger than k others (Hoare). */
static double select_kth(double *v, size_t n, size_t k) {
    for (size_t low = 0, high = n - 1; low < high;) {
        double pivot = v[low + (high - low) / 2], swap;
        size_t i = low, j = high;
        for (;; i++, j--) {
            while (v[i] < pivot)
                i++;
            while (pivot < v[j])
                j--;
            if (i >= j)
                break;
            swap = v[i], v[i] = v[j], v[j] = swap;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return v[k];
}

/* The median of `value` over all ranks but one, of which there are some. */
static double median_of_others(nn_balance *b, size_t but, const nn_rank_work *work,
                               double (*value)(const nn_rank_work *)) {
    size_t n = 0;
    for (size_t r = 0; r < b->size; r++)
        if (r != but)
            b->sorted[n++] = value(&work[r]);
    double upper = select_kth(b->sorted, n, n / 2);
    return n % 2 ? upper : (select_kth(b->sorted, n, n / 2 - 1) + upper) / 2;
}

static double factor_of(nn_balance *b, size_t rank, const nn_rank_work *work,
                        double (*value)(const nn_rank_work *)) {
    return value(&work[rank]) / median_of_others(b, rank, work, value);
}

static size_t slowest_of(const nn_balance *b, const nn_rank_work *work) {
    size_t slow = 0;
    for (size_t r = 1; r < b->size; r++)
        if (work_of(&work[r]) > work_of(&work[slow]))
            slow = r;
    return slow;
}

/* Who waits for the slowest waits longer than it. */
static double waited_for(const nn_balance *b, size_t slow) {
    double waited = 0;
    for (size_t r = 0; r < b->size; r++)
        waited += fmax(b->last[r].waiting - b->last[slow].waiting, 0);
    return waited / (double)(b->size - 1);
}

static void describe(nn_balance *b, nn_slowest *out) {
    size_t slow = slowest_of(b, b->last);
    *out = (nn_slowest){.rank = (int)slow,
                        .host = b->host[slow].name,
                        .seconds = work_of(&b->last[slow]),
                        .factor = factor_of(b, slow, b->last, work_of),
                        .waited = waited_for(b, slow)};
}

/* ---- for how long -----------------------------------------------------------------------------
 */

static void warn(nn_balance *b, double factor) {
    b->warned = true;
    if (nn_comm_rank(b->comm) == 0)
        nn_warn("rank %zu on %s is slow: its part of a step takes it %.1f times as long as the "
                "others (their median), and they wait for it; see what else runs there, and to "
                "which cores its ranks are bound (nnmpi check)%s",
                b->slow, b->host[b->slow].name, factor,
                b->moving ? "" : ", or let train.balance=speed give it fewer rows");
}

/* A rank that only has more rows than others, as uneven shares of small minibatches give, is not
 * meant; nor one that is slow by row but has so few that nobody waits for it. */
static void judge(nn_balance *b) {
    size_t slow = slowest_of(b, b->sum);
    double factor = factor_of(b, slow, b->sum, work_of);
    double by_row = factor_of(b, slow, b->sum, work_of_row); /* infinite: others have no rows */
    bool is_slow = factor > SLOW && by_row > SLOW && isfinite(by_row);
    b->periods = !is_slow ? 0 : slow == b->slow ? b->periods + 1 : 1;
    b->slow = slow;
    if (b->periods >= PERIODS && !b->warned)
        warn(b, factor);
}

/* ---- who gets how many rows -------------------------------------------------------------------
 */

static double speed_of(const nn_rank_work *w) {
    return w->computing > 0 ? w->rows / w->computing : 0;
}

/* Rank 0's borders: where shards stay if there is little to be gained, or nothing known. */
static void find_borders(nn_balance *b) {
    const nn_shards *now = b->moving;
    bool known = true;
    for (size_t r = 0; r < b->size; r++) {
        b->sorted[r] = speed_of(&b->sum[r]);
        known = known && b->sorted[r] > 0;
    }
    if (known)
        nn_deal(now, b->sorted, b->border);
    if (!known || nn_deal_gain(now, b->sorted, b->border) < LEAST_GAIN)
        memcpy(b->border, now->border, (b->size + 1) * sizeof *b->border);
}

/* As every rank has the same from rank 0, no bit of the arithmetic of another one matters. Who was
 * slow is another question with other shards. */
static int plan_move(nn_balance *b) {
    size_t bytes = (b->size + 1) * sizeof *b->border;
    find_borders(b);
    NN_TRY(nn_comm_bcast(b->comm, b->border, bytes));
    b->wants_move = memcmp(b->border, b->moving->border, bytes) != 0;
    return 0;
}

bool nn_balance_wants_move(const nn_balance *b) {
    return b && b->wants_move;
}

void nn_balance_move(nn_balance *b) {
    memcpy(b->moving->border, b->border, (b->size + 1) * sizeof *b->border);
    b->wants_move = false;
}

/* ---- at a report ------------------------------------------------------------------------------
 */

static void add(nn_rank_work *sum, const nn_rank_work *work) {
    sum->rows += work->rows;
    sum->computing += work->computing;
    sum->updating += work->updating;
    sum->waiting += work->waiting;
}

const nn_rank_work *nn_balance_last(const nn_balance *b, size_t *ranks) {
    *ranks = b ? b->size : 0;
    return b ? b->last : NULL;
}

int nn_balance_look(nn_balance *b, const nn_rank_work *mine, nn_slowest *slowest) {
    *slowest = (nn_slowest){.rank = -1};
    if (!b)
        return 0;
    NN_TRY(nn_comm_gather(b->comm, mine, sizeof *mine, b->last));
    describe(b, slowest);
    for (size_t r = 0; r < b->size; r++)
        add(&b->sum[r], &b->last[r]);
    if (work_of(&b->sum[slowest_of(b, b->sum)]) < PERIOD)
        return 0;
    if (b->moving)
        NN_TRY(plan_move(b));
    if (b->wants_move)
        b->periods = 0;
    else
        judge(b);
    memset(b->sum, 0, b->size * sizeof *b->sum);
    return 0;
}
