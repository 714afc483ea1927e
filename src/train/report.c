/* What people see of a run: metrics.jsonl and the progress callback, on rank 0. */
#include "base/log.h"
#include "base/system/clock.h"
#include "base/system/limits.h"
#include "comm/heartbeat.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/evaluate/evaluation.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>

#define RATE_SECONDS 1.0
#define MOST_RANKS 64 /* of which each has a number in train lines, the first ones */

/* Where train.optimizer_state has nothing to divide, or nobody to divide it among. */
static void say_whole_state(const nn_trainer *t) {
    const nn_reducer *reducer = t->session.reducer;
    if (t->session.settings->train.optimizer_state != NN_STATE_SHARDED ||
        nn_reducer_divides(reducer))
        return;
    nn_info("train.optimizer_state: sharded changes nothing %s",
            nn_comm_nodes(t->comm) > 1 ? "where ranks share no memory: each has all of the state"
                                       : "on one node");
}

void nn_trainer_say_plan(const nn_trainer *t) {
    int ranks = nn_comm_size(t->comm), nodes = nn_comm_nodes(t->comm);
    double timeout = t->session.settings->train.stall_timeout;
    char text[NN_MEMORY_TEXT], between[NN_BETWEEN_TEXT];
    char stall[80] = "they wait for each other without end";
    if (nn_comm_rank(t->comm) > 0)
        return;
    if (timeout > 0)
        snprintf(stall, sizeof stall, "all end when one stalls for %g s", timeout);
    if (nodes > 1)
        nn_info("%d ranks on %d nodes, reduce: %s; %s (train.stall_timeout)", ranks, nodes,
                nn_reducer_backend(t->session.reducer), stall);
    else if (ranks > 1)
        nn_info("%d ranks on one node; %s (train.stall_timeout)", ranks, stall);
    say_whole_state(t);
    if (nn_session_between_text(&t->session, between))
        nn_debug("between nodes: %s", between);
    nn_debug("memory: %s", nn_memory_text(&t->memory, text));
}

/* "2 of 5 epochs"; fewer may be wanted now than were taken. */
#define EPOCHS_TEXT 96
static const char *epochs_text(const nn_trainer *t, char text[EPOCHS_TEXT]) {
    long long done = (long long)t->state.epoch,
              wanted = (long long)t->session.settings->train.epochs;
    snprintf(text, EPOCHS_TEXT,
             done > wanted ? "%lld epochs (more than the %lld of train.epochs)"
                           : "%lld of %lld epochs",
             done, wanted);
    return text;
}

void nn_trainer_say_resumed(const nn_trainer *t, const nn_state *before) {
    const nn_state *s = &t->state;
    int64_t done = s->batch * s->batch_size;
    char within[96] = "", epochs[EPOCHS_TEXT];
    if (!t->run)
        return;
    if (s->batch)
        snprintf(within, sizeof within, " and %lld of %lld samples of the next", (long long)done,
                 (long long)nn_loader_samples(t->train));
    nn_info("going on from %s: step %lld, %s%s are done", nn_run_from(t->run), (long long)s->step,
            epochs_text(t, epochs), within);
    if (before->batch_size != s->batch_size)
        nn_info("train.batch_size is %lld now and was %lld: %lld steps an epoch instead of %lld",
                (long long)s->batch_size, (long long)before->batch_size,
                (long long)s->steps_per_epoch, (long long)before->steps_per_epoch);
    else if (before->steps_per_epoch != s->steps_per_epoch)
        nn_info("the training set has another number of samples: %lld steps an epoch instead of "
                "%lld",
                (long long)s->steps_per_epoch, (long long)before->steps_per_epoch);
}

static double computing(const nn_interval *i) {
    return i->forward + i->backward + i->update;
}

void nn_trainer_restart_interval(nn_trainer *t) {
    t->pace.data += t->interval.data;
    t->pace.compute += computing(&t->interval);
    t->pace.comm += t->interval.comm;
    t->interval = (nn_interval){.begin = nn_seconds()};
}

void nn_trainer_pause(nn_trainer *t, double since) {
    double seconds = nn_seconds() - since;
    t->pace.paused += seconds;
    t->interval.begin += seconds;
}

/* Where the loop stands. */
static nn_mark mark(const nn_trainer *t) {
    const nn_pace *pace = &t->pace;
    const nn_interval *i = &t->interval;
    return (nn_mark){.seconds = nn_seconds() - pace->begin - pace->paused,
                     .samples = pace->samples,
                     .data = pace->data + i->data,
                     .compute = pace->compute + computing(i),
                     .comm = pace->comm + i->comm};
}

double nn_trainer_mean_rate(const nn_trainer *t) {
    nn_mark now = mark(t);
    return now.samples > 0 ? now.samples / now.seconds : 0;
}

/* Pace of the last second or two, from the beginning of a run on: single epochs of a tiny net say
 * nothing. */
static void put_pace(nn_trainer *t, nn_status *status) {
    nn_mark now = mark(t);
    nn_pace *pace = &t->pace;
    if (now.seconds - pace->next.seconds >= RATE_SECONDS) {
        pace->from = pace->next;
        pace->next = now;
    }
    const nn_mark *from = &pace->from;
    double data = now.data - from->data, compute = now.compute - from->compute;
    double comm = now.comm - from->comm, all = data + compute + comm;
    status->samples_per_s = (now.samples - from->samples) / (now.seconds - from->seconds);
    status->data_share = all > 0 ? data / all : 0;
    status->compute_share = all > 0 ? compute / all : 0;
    status->wait_share = all > 0 ? comm / all : 0;
}

/* Seconds until the planned end at the present speed. */
static double seconds_left(const nn_trainer *t) {
    double done = (double)(t->state.step - t->first_step);
    double left = (double)(t->total_steps - t->state.step);
    if (t->total_steps == INT64_MAX) /* no end is planned */
        return INFINITY;
    return done > 0 ? (nn_seconds() - t->pace.begin) / done * left : 0;
}

/* Of a report, or of what is between reports; `validation` may be NULL. */
static nn_status status_of(nn_trainer *t, double loss, const nn_evaluation *validation) {
    nn_status status = {.step = t->state.step,
                        .total_steps = t->total_steps,
                        /* a whole epoch just taken is still the one under way to a reader */
                        .epoch = t->state.epoch + (t->state.batch > 0),
                        .epochs = t->session.settings->train.epochs,
                        .epoch_step = t->state.batch ? t->state.batch : t->steps_per_epoch,
                        .epoch_steps = t->steps_per_epoch,
                        .loss = loss,
                        .lr = t->lr,
                        .seconds = nn_seconds() - t->pace.begin,
                        .seconds_left = seconds_left(t),
                        .validation = validation,
                        .best_metric = t->session.settings->validate.stopping.metric,
                        .best_value = t->state.best_value,
                        .best_step = t->state.best_step};
    if (!validation)
        put_pace(t, &status);
    return status;
}

static void show_progress(nn_trainer *t, const nn_status *status) {
    t->pace.told = nn_seconds();
    if (t->options->progress)
        t->options->progress(t->options->ctx, status);
}

static void report_progress(nn_trainer *t, const nn_evaluation *validation, double loss,
                            bool important) {
    if (!t->options->progress && !t->options->ends)
        return;
    nn_status status = status_of(t, loss, validation);
    status.important = important;
    status.line = nn_run_line(t->run);
    show_progress(t, &status);
    if (t->options->ends)
        t->ended = t->options->ends(t->options->ctx, &status) || t->ended;
}

static double mean_loss(const nn_interval *i) {
    return i->weight > 0 ? i->loss / i->weight : NAN;
}

/* The clock is that of the end of the step, which was read already. */
void nn_trainer_show_progress(nn_trainer *t) {
    double every = t->options->progress_every;
    if (!t->run || every <= 0 || t->phase_begin - t->pace.told < every)
        return;
    nn_status status = status_of(t, mean_loss(&t->interval), NULL);
    show_progress(t, &status);
}

/* What rank 0 was told goes for all. */
static int share_end(nn_trainer *t, int rc) {
    NN_TRY(nn_comm_agree(t->comm, rc));
    return t->has_ends ? nn_comm_bcast(t->comm, &t->ended, sizeof t->ended) : 0;
}

/* Who waits for whom, in seconds a step. */
static void put_slowest(nn_json *json, const nn_slowest *slowest, double steps) {
    nn_json_open(json, "slowest", '{');
    nn_json_int(json, "rank", slowest->rank);
    nn_json_string(json, "host", slowest->host);
    nn_json_real(json, "work_s", slowest->seconds / steps);
    nn_json_real(json, "factor", slowest->factor);
    nn_json_real(json, "waited_s", slowest->waited / steps);
    nn_json_close(json, '}');
}

/* Seconds a step of each rank, without what it waited. */
static void put_ranks(const nn_trainer *t, nn_json *json, double steps) {
    size_t ranks;
    const nn_rank_work *work = nn_balance_last(t->balance, &ranks);
    char rank[16];
    nn_json_open(json, "rank_s", '{');
    for (size_t r = 0; r < ranks && r < MOST_RANKS; r++) {
        snprintf(rank, sizeof rank, "%zu", r);
        nn_json_real(json, rank, (work[r].computing + work[r].updating) / steps);
    }
    nn_json_close(json, '}');
}

/* The system is asked once a second at most. */
static void put_memory(nn_trainer *t, nn_json *json) {
    double now = nn_seconds();
    if (now - t->memory_seen < RATE_SECONDS)
        return;
    t->memory_seen = now;
    nn_json_real(json, "resident_bytes", nn_memory_resident());
}

/* Of a mixture: how often each of its files has been gone through. */
static void put_passes(const nn_trainer *t, nn_json *json) {
    const nn_state *s = &t->state;
    int64_t epoch = nn_loader_samples(t->train), begun = s->batch * t->session.batch_size;
    double passes[NN_MAX_PARTS];
    size_t parts =
        nn_loader_passes(t->train, s->epoch * epoch + (begun < epoch ? begun : epoch), passes);
    if (parts > 0)
        nn_json_reals(json, "passes", parts, passes);
}

/* train.balance: speed: the fewest and the most rows of a pass that a rank has now. */
static void put_shards(nn_json *json, const nn_shards *shards) {
    size_t rows = nn_shards_parts(shards), least = rows, most = 0;
    for (size_t r = 0; r < shards->holders; r++) {
        size_t own = (size_t)(shards->border[r + 1] - shards->border[r]);
        least = own < least ? own : least;
        most = own > most ? own : most;
    }
    nn_json_int(json, "rows_least", (int64_t)least);
    nn_json_int(json, "rows_most", (int64_t)most);
}

static int write_train_line(nn_trainer *t, double loss, double rate, const nn_slowest *slowest) {
    const nn_interval *i = &t->interval;
    char between[NN_BETWEEN_TEXT];
    double steps = (double)i->steps;
    nn_json *json = nn_run_event(t->run, "train", t->state.step, t->state.epoch);
    nn_json_real(json, "loss", loss);
    nn_json_real(json, "lr", t->lr);
    nn_json_real(json, "samples_per_s", rate);
    nn_json_string(json, "reduce", nn_reducer_backend(t->session.reducer));
    if (nn_session_between_text(&t->session, between))
        nn_json_string(json, "between_nodes", between);
    nn_json_real(json, "data_s", i->data / steps);
    nn_json_real(json, "forward_s", i->forward / steps);
    nn_json_real(json, "backward_s", i->backward / steps);
    nn_json_real(json, "comm_s", i->comm / steps);
    nn_json_real(json, "update_s", i->update / steps);
    if (slowest->rank >= 0) {
        put_slowest(json, slowest, steps);
        put_ranks(t, json, steps);
    }
    put_memory(t, json);
    put_passes(t, json);
    if (t->session.settings->train.balance == NN_BALANCE_SPEED)
        put_shards(json, &t->session.shards);
    if (t->delta)
        nn_trainer_put_gradients(t, json);
    if (t->session.settings->train.digest) {
        char hex[NN_DIGEST_HEX];
        NN_TRY(nn_params_digest(t->session.model, nn_session_model_params(&t->session), hex));
        nn_json_string(json, "digest", hex);
    }
    return nn_run_append(t->run);
}

int nn_trainer_report_saved(nn_trainer *t) {
    char file[NN_CHECKPOINT_NAME];
    if (!t->run || !t->saver || nn_saver_busy(t->saver))
        return 0;
    nn_saved saved = nn_saver_saved(t->saver);
    if (saved.step == t->reported_step)
        return 0;
    t->reported_step = saved.step;
    nn_json *json = nn_run_event(t->run, "checkpoint", saved.step, saved.epoch);
    nn_json_string(json, "file", nn_checkpoint_name(saved.step, file));
    nn_json_int(json, "bytes", saved.bytes);
    nn_json_real(json, "wait_s", saved.wait_s);
    nn_json_real(json, "write_s", saved.write_s);
    return nn_run_append(t->run);
}

int nn_trainer_report(nn_trainer *t, bool important) {
    NN_TRY(nn_trainer_complete_step(t));
    const nn_interval *i = &t->interval;
    nn_rank_work mine = {.rows = i->rows,
                         .computing = i->data + i->forward + i->backward,
                         .updating = i->update,
                         .waiting = i->comm};
    nn_slowest slowest;
    int rc = 0;
    nn_comm_at(t->comm, NN_PHASE_REPORT);
    if (i->steps == 0)
        return 0;
    NN_TRY(nn_balance_look(t->balance, &mine, &slowest));
    if (t->run) {
        double loss = mean_loss(i);
        double rate = i->samples / (nn_seconds() - i->begin);
        rc = nn_trainer_report_saved(t);
        if (rc == 0)
            rc = write_train_line(t, loss, rate, &slowest);
        if (rc == 0)
            report_progress(t, NULL, loss, important);
    }
    if (nn_balance_wants_move(t->balance)) {
        nn_trainer_forget_minibatches(t);
        nn_balance_move(t->balance);
    }
    nn_trainer_restart_interval(t);
    return share_end(t, rc);
}

int nn_trainer_report_validation(nn_trainer *t, const nn_evaluation *validation) {
    int rc = 0;
    if (t->run) {
        nn_json *json = nn_run_event(t->run, "validate", t->state.step, t->state.epoch);
        nn_evaluation_json(json, validation);
        rc = nn_run_append(t->run);
        if (rc == 0)
            report_progress(t, validation, validation->loss, true);
    }
    return share_end(t, rc);
}

int nn_trainer_report_end(nn_trainer *t, const nn_train_result *result) {
    int rc = 0;
    if (t->run) {
        nn_json *json = nn_run_event(t->run, "end", result->steps, result->epochs);
        nn_json_string(json, "why", result->why);
        nn_json_int(json, "ranks", nn_comm_size(t->comm));
        nn_json_string(json, "reduce", nn_reducer_backend(t->session.reducer));
        if (*result->verdict)
            nn_json_string(json, "verdict", result->verdict);
        nn_json_int(json, "best_step", result->best_step);
        nn_json_bool(json, "restored_best", result->restored_best);
        nn_json_real(json, "seconds", result->seconds);
        nn_json_real(json, "samples_per_s", result->samples_per_s);
        nn_json_string(json, "digest", result->digest);
        if (result->test)
            nn_evaluation_json(json, result->test);
        rc = nn_run_append(t->run);
    }
    return nn_comm_agree(t->comm, rc);
}
