#include "data/loader/prefetch.h"

#include "base/mem.h"
#include "base/system/thread.h"

#include <pthread.h>

/* The minibatches are a ring: `ready` minibatches from entry `head` on, before them the one in use.
 * The thread is woken when half of the ring is free and not for each minibatch, since that costs
 * more than to make a small one. */
struct nn_prefetch {
    nn_prefetch_ops ops;
    void *ctx;
    int depth;
    nn_thread thread;
    pthread_mutex_t mutex;
    pthread_cond_t to_thread, to_caller;
    /* under the mutex: */
    int head, ready, used;
    nn_prefetch_task first, next; /* the one at `head`; the one to be made */
    int rc;                       /* of the one made last; negative: the thread stops there */
    bool busy, asleep, resting, ending;
    bool spare_left;
};

static bool is_same(const nn_prefetch_task *a, const nn_prefetch_task *b) {
    return a->epoch == b->epoch && a->index == b->index;
}

static int entries_free(const nn_prefetch *p) {
    return p->depth - p->ready - p->used;
}

static void make(nn_prefetch *p) {
    nn_prefetch_task task = p->next;
    int entry = (p->head + p->ready) % p->depth;

    p->busy = true;
    pthread_mutex_unlock(&p->mutex);
    int rc = p->ops.make(p->ctx, &task, entry);
    pthread_mutex_lock(&p->mutex);
    p->busy = false;
    p->rc = rc;
    p->next = p->ops.after(p->ctx, &task);
    p->ready++;
    p->spare_left = p->ops.spare != NULL;
    pthread_cond_signal(&p->to_caller);
}

static void do_spare_work(nn_prefetch *p) {
    p->busy = true;
    pthread_mutex_unlock(&p->mutex);
    bool more = p->ops.spare(p->ctx);
    pthread_mutex_lock(&p->mutex);
    p->busy = false;
    p->spare_left = more;
    pthread_cond_signal(&p->to_caller);
}

static void sleep_until_woken(nn_prefetch *p) {
    p->asleep = true;
    pthread_cond_wait(&p->to_thread, &p->mutex);
    p->asleep = false;
}

static void work(void *arg) {
    nn_prefetch *p = arg;

    pthread_mutex_lock(&p->mutex);
    while (!p->ending) {
        bool may = !p->resting && p->rc >= 0;
        if (may && entries_free(p) > 0)
            make(p);
        else if (may && p->spare_left)
            do_spare_work(p);
        else
            sleep_until_woken(p);
    }
    pthread_mutex_unlock(&p->mutex);
}

int nn_prefetch_new(const nn_prefetch_ops *ops, void *ctx, int depth, nn_prefetch **out) {
    nn_prefetch *p;

    *out = NULL;
    NN_TRY(NN_NEW(&p, 1, "prefetching"));
    *p = (nn_prefetch){.ops = *ops, .ctx = ctx, .depth = depth, .resting = true};
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->to_thread, NULL);
    pthread_cond_init(&p->to_caller, NULL);
    if (!nn_thread_start(&p->thread, work, p)) {
        nn_free(p);
        return nn_fail(NN_EMEMORY, "no thread can be started to read the data");
    }
    *out = p;
    return NN_OK;
}

void nn_prefetch_free(nn_prefetch *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    pthread_cond_signal(&p->to_thread);
    pthread_mutex_unlock(&p->mutex);
    nn_thread_join(&p->thread);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->to_thread);
    pthread_cond_destroy(&p->to_caller);
    nn_free(p);
}

/* Under the mutex: the thread does nothing and will not begin. */
static void rest(nn_prefetch *p) {
    p->resting = true;
    while (p->busy)
        pthread_cond_wait(&p->to_caller, &p->mutex);
}

/* The first minibatch, or one that does not follow the one before: all begins anew. */
static void go_to(nn_prefetch *p, const nn_prefetch_task *task) {
    rest(p);
    p->ready = 0;
    p->rc = 0;
    p->first = p->next = *task;
}

/* Under the mutex: the thread may go on, and is woken where that is worth it. */
static void wake(nn_prefetch *p) {
    p->resting = false;
    if (p->asleep && (p->ready == 0 || entries_free(p) >= p->depth / 2))
        pthread_cond_signal(&p->to_thread);
}

int nn_prefetch_next(nn_prefetch *p, const nn_prefetch_task *task, int *entry) {
    pthread_mutex_lock(&p->mutex);
    p->used = 0;
    if (!is_same(&p->first, task) || (p->ready == 0 && p->rc < 0))
        go_to(p, task);
    while (p->ready == 0) {
        wake(p);
        pthread_cond_wait(&p->to_caller, &p->mutex);
    }
    *entry = p->head;
    p->head = (p->head + 1) % p->depth;
    p->ready--;
    p->used = 1;
    p->first = p->ops.after(p->ctx, task);
    bool failed = p->rc < 0 && p->ready == 0;
    if (failed)
        rest(p);
    else
        wake(p);
    pthread_mutex_unlock(&p->mutex);
    return failed ? p->ops.make(p->ctx, task, *entry) : 0; /* its message is the thread's own */
}

void nn_prefetch_rest(nn_prefetch *p) {
    pthread_mutex_lock(&p->mutex);
    rest(p);
    pthread_mutex_unlock(&p->mutex);
}

void nn_prefetch_forget(nn_prefetch *p) {
    nn_prefetch_task task;

    pthread_mutex_lock(&p->mutex);
    task = p->first;
    go_to(p, &task);
    pthread_mutex_unlock(&p->mutex);
}
