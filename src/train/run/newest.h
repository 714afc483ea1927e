/* The newest checkpoint of a run folder that can be used. */
#ifndef NN_TRAIN_RUN_NEWEST_H
#define NN_TRAIN_RUN_NEWEST_H

#include "train/checkpoint/checkpoint.h"

typedef struct nn_newest {
    const char *found;   /* its path; NULL: none */
    nn_data_traits data; /* its traits, */
    const char *link;    /* and the link of its nodes, NULL: one node */
    size_t tried;        /* that, and newer ones, which are damaged */
    char refused[1024];  /* what is wrong with the first of these */
    nn_pool pool;        /* owns the texts */
} nn_newest;

/* Fills a zeroed `out` from `dir`: `newer`, a checkpoint that stands elsewhere (NULL: none), is
 * tried first, then last.h5, then the others, newest first, until one is whole. That none is, is no
 * error. NN_EIO, NN_EMEMORY; to be released then as well. Local. */
int nn_newest_find(nn_newest *out, const char *dir, const char *newer);
/* Zeroes it. */
void nn_newest_release(nn_newest *newest);

#endif
