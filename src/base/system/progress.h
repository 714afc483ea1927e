/* Signs of life of a thread in the middle of something long: whoever reads or writes says so after
 * each piece, and the one who watches the thread is told. */
#ifndef NN_BASE_SYSTEM_PROGRESS_H
#define NN_BASE_SYSTEM_PROGRESS_H

/* Who is told of a thread: a thread that starts another one to work for it passes it on. */
typedef struct nn_progress_target {
    void (*sink)(void *ctx); /* NULL: nobody */
    void *ctx;
} nn_progress_target;
nn_progress_target nn_progress_target_get(void);
void nn_progress_target_set(nn_progress_target target);

/* This thread goes on. Local. */
void nn_progress(void);

#endif
