/* The attributes of a checkpoint that a run needs to go on: where it stands, what its data look
 * like, which optimiser it has. */
#include "data/classes.h"
#include "train/checkpoint/layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A number of nn_state, as an attribute of /state. */
typedef struct state_number {
    const char *name;
    bool real; /* double, else int64_t */
    size_t offset;
    int64_t least; /* of an integer, which is also at most MOST */
} state_number;

/* Counts of steps, samples and epochs, of which sums are taken. */
#define MOST ((int64_t)1 << 53)

#define INTEGER(member, least)                                                                     \
    { #member, false, offsetof(nn_state, member), least }
#define REAL(member)                                                                               \
    { #member, true, offsetof(nn_state, member), 0 }
#define SCHEDULE(member, real)                                                                     \
    { "schedule_" #member, real, offsetof(nn_state, schedule.member), 0 }

/* In the order of their names, which is the order of the digest. */
static const state_number numbers[] = {
    INTEGER(batch, 0),
    INTEGER(batch_size, 0),
    INTEGER(best_step, -1),
    REAL(best_value),
    INTEGER(epoch, 0),
    REAL(epoch_loss),
    INTEGER(epoch_mistakes, 0),
    REAL(epoch_weight),
    REAL(last_epoch_loss),
    INTEGER(last_epoch_mistakes, -1),
    SCHEDULE(bad, false),
    SCHEDULE(best, true),
    SCHEDULE(cooldown, false),
    SCHEDULE(factor, true),
    INTEGER(seed, 0),
    INTEGER(since_best, 0),
    INTEGER(step, 0),
    INTEGER(steps_per_epoch, 0),
    {"window", false, offsetof(nn_state, shuffle_buffer), 0},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static const int64_t *integer_at(const nn_state *state, const state_number *f) {
    return (const int64_t *)(const void *)((const char *)state + f->offset);
}

static const double *real_at(const nn_state *state, const state_number *f) {
    return (const double *)(const void *)((const char *)state + f->offset);
}

static int write_state(nn_h5 *file, const nn_state *state) {
    NN_TRY(nn_h5_make_group(file, "/state"));
    for (const state_number *f = numbers; f < numbers + NUMBERS; f++) {
        if (f->real)
            NN_TRY(nn_h5_set_real(file, "/state", f->name, *real_at(state, f)));
        else
            NN_TRY(nn_h5_set_int(file, "/state", f->name, *integer_at(state, f)));
    }
    return NN_OK;
}

/* What no run has written would make nonsense of sums and products. */
static int check_integer(nn_h5 *file, const state_number *f, int64_t value) {
    if (value >= f->least && (value <= MOST || f->offset == offsetof(nn_state, seed)))
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: %s of /state is %" PRId64 ", which cannot be", nn_h5_path(file),
                   f->name, value);
}

static int check_place(nn_h5 *file, const nn_state *state) {
    int64_t samples;

    if (!__builtin_mul_overflow(state->batch, state->batch_size, &samples))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: /state has taken %" PRId64 " minibatches of %" PRId64 " samples",
                   nn_h5_path(file), state->batch, state->batch_size);
}

static int read_state(nn_h5 *file, nn_state *state) {
    for (const state_number *f = numbers; f < numbers + NUMBERS; f++) {
        size_t one = 1;
        if (f->real)
            NN_TRY(nn_h5_get_reals(file, "/state", f->name, (double *)real_at(state, f), &one));
        else
            NN_TRY(nn_h5_get_int(file, "/state", f->name, (int64_t *)integer_at(state, f)));
        if (!f->real)
            NN_TRY(check_integer(file, f, *integer_at(state, f)));
    }
    return check_place(file, state);
}

static int write_data(nn_h5 *file, const nn_data_traits *data) {
    NN_TRY(nn_h5_make_group(file, "/data"));
    NN_TRY(nn_h5_set_int(file, "/data", "class_count", data->classes));
    if (data->class_names)
        NN_TRY(nn_h5_set_texts(file, "/data", "class_names", data->class_names,
                               (size_t)data->classes));
    if (data->features)
        NN_TRY(
            nn_h5_set_texts(file, "/data", "feature_names", data->feature_names, data->features));
    NN_TRY(nn_categories_write(&data->categories, file, "/data"));
    if (data->fingerprint)
        NN_TRY(nn_h5_set_text(file, "/data", "fingerprint", data->fingerprint));
    if (data->first_label)
        NN_TRY(nn_h5_set_int(file, "/data", "first_label", data->first_label));
    NN_TRY(nn_h5_set_int(file, "/data", "labels", data->labels));
    NN_TRY(nn_h5_set_int(file, "/data", "target_width", (int64_t)data->target_width));
    if (data->tokens)
        NN_TRY(nn_h5_set_text(file, "/data", "tokens", data->tokens));
    return NN_OK;
}

/* The names that an attribute lists; none where it is absent. */
static int read_names(nn_h5 *file, const char *attribute, nn_pool *pool, const char ***name,
                      size_t *count) {
    char **found;

    if (!nn_h5_has_attr(file, "/data", attribute))
        return NN_OK;
    NN_TRY(nn_h5_get_texts(file, "/data", attribute, pool, &found, count));
    *name = (const char **)found;
    return NN_OK;
}

static int read_data(nn_h5 *file, nn_pool *pool, nn_data_traits *data) {
    int64_t labels, width;
    char *tokens = NULL, *fingerprint = NULL;
    size_t named = 0;

    *data = (nn_data_traits){0};
    NN_TRY(nn_h5_get_int(file, "/data", "class_count", &data->classes));
    NN_TRY(read_names(file, "class_names", pool, &data->class_names, &named));
    if (data->class_names && (int64_t)named != data->classes)
        return nn_fail(NN_EFORMAT, "%s: /data has %" PRId64 " classes but %zu class names",
                       nn_h5_path(file), data->classes, named);
    NN_TRY(read_names(file, "feature_names", pool, &data->feature_names, &data->features));
    NN_TRY(nn_categories_read(&data->categories, file, "/data", data->features, pool));
    if (nn_h5_has_attr(file, "/data", "fingerprint"))
        NN_TRY(nn_h5_get_text(file, "/data", "fingerprint", pool, &fingerprint));
    data->fingerprint = fingerprint;
    if (nn_h5_has_attr(file, "/data", "first_label"))
        NN_TRY(nn_h5_get_int(file, "/data", "first_label", &data->first_label));
    if (nn_h5_has_attr(file, "/data", "tokens"))
        NN_TRY(nn_h5_get_text(file, "/data", "tokens", pool, &tokens));
    data->tokens = tokens;
    NN_TRY(nn_h5_get_int(file, "/data", "labels", &labels));
    NN_TRY(nn_h5_get_int(file, "/data", "target_width", &width));
    if (data->classes < 0 || (!data->class_names && data->classes > NN_MAX_CLASSES) ||
        width < (labels != 0) || width > INT32_MAX || data->first_label < 0)
        return nn_fail(NN_EFORMAT,
                       "%s: /data says %" PRId64 " classes from %" PRId64 " on and %" PRId64
                       " numbers a target, which cannot be",
                       nn_h5_path(file), data->classes, data->first_label, width);
    data->labels = labels != 0;
    data->target_width = (size_t)width;
    return NN_OK;
}

static const char *optimizer_of(const nn_snapshot *snapshot) {
    return snapshot->optimizer ? snapshot->optimizer : "";
}

int nn_attributes_write(nn_h5 *file, const nn_snapshot *snapshot) {
    NN_TRY(write_data(file, &snapshot->data));
    NN_TRY(nn_h5_make_group(file, "/optimizer"));
    NN_TRY(nn_h5_set_text(file, "/optimizer", "name", optimizer_of(snapshot)));
    NN_TRY(write_state(file, &snapshot->state));
    return NN_OK;
}

int nn_attributes_read(nn_h5 *file, nn_pool *pool, nn_snapshot *snapshot) {
    char *optimizer;

    NN_TRY(read_data(file, pool, &snapshot->data));
    NN_TRY(nn_h5_get_text(file, "/optimizer", "name", pool, &optimizer));
    NN_TRY(read_state(file, &snapshot->state));
    snapshot->optimizer = optimizer;
    return NN_OK;
}
