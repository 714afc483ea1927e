#include "base/system/worker.h"

#include "base/mem.h"
#include "base/system/thread.h"

#include <pthread.h>
#include <stdatomic.h>

struct nn_worker {
    nn_thread thread;
    pthread_mutex_t mutex; /* of task, ctx and over */
    pthread_cond_t begun;  /* there is a task, or it is over */
    pthread_cond_t ended;  /* busy is false */
    void (*task)(void *ctx);
    void *ctx;
    bool over;
    atomic_bool busy; /* there is a task, begun or not */
};

static void work(void *ctx) {
    nn_worker *w = ctx;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (!atomic_load(&w->busy) && !w->over)
            pthread_cond_wait(&w->begun, &w->mutex);
        if (!atomic_load(&w->busy))
            break;
        pthread_mutex_unlock(&w->mutex);
        w->task(w->ctx);
        pthread_mutex_lock(&w->mutex);
        atomic_store(&w->busy, false);
        pthread_cond_broadcast(&w->ended);
    }
    pthread_mutex_unlock(&w->mutex);
}

int nn_worker_new(const char *what, nn_worker **out) {
    nn_worker *w;
    *out = NULL;
    NN_TRY(NN_NEW(&w, 1, what));
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->begun, NULL);
    pthread_cond_init(&w->ended, NULL);
    if (!nn_thread_start(&w->thread, work, w)) {
        nn_free(w);
        return nn_fail(NN_EMEMORY, "no thread can be started for %s", what);
    }
    *out = w;
    return 0;
}

void nn_worker_free(nn_worker *w) {
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->begun);
    pthread_mutex_unlock(&w->mutex);
    nn_thread_join(&w->thread);
    pthread_cond_destroy(&w->ended);
    pthread_cond_destroy(&w->begun);
    pthread_mutex_destroy(&w->mutex);
    nn_free(w);
}

/* Under the mutex. */
static void wait_until_idle(nn_worker *w) {
    while (atomic_load(&w->busy))
        pthread_cond_wait(&w->ended, &w->mutex);
}

void nn_worker_start(nn_worker *w, void (*task)(void *ctx), void *ctx) {
    pthread_mutex_lock(&w->mutex);
    wait_until_idle(w);
    w->task = task;
    w->ctx = ctx;
    atomic_store(&w->busy, true);
    pthread_cond_signal(&w->begun);
    pthread_mutex_unlock(&w->mutex);
}

void nn_worker_wait(nn_worker *w) {
    if (!nn_worker_busy(w))
        return;
    pthread_mutex_lock(&w->mutex);
    wait_until_idle(w);
    pthread_mutex_unlock(&w->mutex);
}

bool nn_worker_busy(const nn_worker *w) {
    return atomic_load(&w->busy);
}
