/* Rows that the program supplies for a step. */
#include "train/trainer.h"

/* What a rank tells the others of its rows. */
struct nn_supplied {
    int64_t rows;
    int rc;
};

static int check_labels(const nn_trainer *t) {
    if (t->session.data->settings.first_label == 0)
        return 0;
    return nn_fail(NN_EUSAGE, "data.first_label is for data sets: labels of rows that are "
                              "supplied count from 0");
}

int nn_trainer_open_supplied(nn_trainer *t) {
    if (!t->session.in_parts)
        return 0;
    if (t->session.data->split[0].supplied)
        NN_TRY(check_labels(t));
    NN_TRY(nn_session_loader_supplied(&t->session, false, &t->supplied));
    return NN_NEW(&t->supplied_by, (size_t)nn_comm_size(t->comm), "rows of the ranks");
}

static int tell_others(nn_trainer *t, const struct nn_supplied *mine) {
    NN_TRY(nn_comm_gather(t->comm, mine, sizeof *mine, t->supplied_by));
    for (int i = 0; i < nn_comm_size(t->comm); i++)
        if (t->supplied_by[i].rc < 0)
            return nn_comm_agree(t->comm, mine->rc);
    return 0;
}

/* Microbatches are pieces of the global minibatch, and ranks have whole ones. */
static int check_share(const nn_trainer *t, int64_t first, int64_t rows, int64_t global) {
    const nn_microbatches *micro = t->session.micro;
    if (!micro)
        return 0;
    int64_t leaves = (int64_t)micro->tree.leaves;
    int64_t begin = nn_even_begin(global, leaves, (int64_t)micro->tree.local.begin);
    int64_t end = nn_even_begin(global, leaves, (int64_t)micro->tree.local.end);
    if (first == begin && rows == end - begin)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "with train.reproducible this rank has the rows %lld to %lld of %lld that are "
                   "supplied, and it got %lld to %lld",
                   (long long)begin, (long long)end - 1, (long long)global, (long long)first,
                   (long long)(first + rows) - 1);
}

int nn_trainer_supply(nn_trainer *t, const nn_minibatch *batch) {
    const nn_array array[NN_DATA_FIELDS] = {batch->x, batch->y, batch->w, batch->len};
    struct nn_supplied mine = {.rows = 0};
    int64_t first = 0, global = 0;
    size_t rows = 0;
    mine.rc = check_labels(t);
    if (mine.rc == 0)
        mine.rc = nn_loader_supply(t->supplied, array, &rows);
    mine.rows = (int64_t)rows;
    NN_TRY(tell_others(t, &mine));
    for (int i = 0; i < nn_comm_size(t->comm); i++) {
        first += i < nn_comm_rank(t->comm) ? t->supplied_by[i].rows : 0;
        global += t->supplied_by[i].rows;
    }
    if (global == 0) /* layers would sum what they have of the step before */
        return nn_fail(NN_EUSAGE, "no rank has supplied a row for this step");
    if (t->session.micro)
        NN_TRY(nn_comm_agree(t->comm, check_share(t, first, mine.rows, global)));
    t->supplied_rows = nn_loader_make_supplied(t->supplied, t->state.step, first, global);
    return 0;
}
