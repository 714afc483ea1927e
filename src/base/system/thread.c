#define _GNU_SOURCE
#include "base/system/thread.h"

#include <signal.h>

static void *begin(void *ctx) {
    nn_thread *thread = ctx;
    nn_log_target_set(thread->log);
    nn_progress_target_set(thread->progress);
    thread->work(thread->ctx);
    return NULL;
}

bool nn_thread_start(nn_thread *thread, void (*work)(void *ctx), void *ctx) {
    sigset_t all, before;
    thread->work = work;
    thread->ctx = ctx;
    thread->log = nn_log_target_get();
    thread->progress = nn_progress_target_get();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread->id, NULL, begin, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

void nn_thread_join(nn_thread *thread) {
    pthread_join(thread->id, NULL);
}
