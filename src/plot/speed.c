/* How fast a run is, and what it waits for. */
#include "base/numbers/compare.h"
#include "plot/run.h"

#include <math.h>
#include <stdlib.h>

static const nn_chart by_step = {.id = "phases-by-step",
                                 .title = "Time by phase",
                                 .about = "Seconds a step of rank 0, as the run went on.",
                                 .y = "s a step",
                                 .log_y = true,
                                 .alone = true,
                                 .curve = {{"train", "data_s", "data", NN_LINE_SOLID},
                                           {"train", "forward_s", "forward", NN_LINE_SOLID},
                                           {"train", "backward_s", "backward", NN_LINE_SOLID},
                                           {"train", "comm_s", "waiting, MPI", NN_LINE_SOLID},
                                           {"train", "update_s", "update", NN_LINE_SOLID}}};
static const nn_chart throughput = {
    .id = "throughput",
    .title = "Throughput",
    .about = "Samples a second in training alone, of all ranks together.",
    .y = "samples/s",
    .curve = {{"train", "samples_per_s", "samples/s", NN_LINE_SOLID}}};
static const nn_chart imbalance = {
    .id = "imbalance",
    .title = "How far the slowest rank is behind",
    .about = "Its time for a step over the median of the other ranks: 1 is perfect balance.",
    .y = "factor",
    .curve = {{"train", "slowest.factor", "slowest rank", NN_LINE_SOLID}}};
static const nn_chart ranks_by_step = {
    .id = "ranks-by-step",
    .title = "Time of each rank, as the run went on",
    .about = "Seconds a step that each rank worked, without what it waited for others.",
    .y = "s a step",
    .curve = {{"train", "rank_s.", "", NN_LINE_SOLID}}};
static const nn_chart memory = {.id = "memory",
                                .title = "Memory",
                                .about = "Bytes of the process of rank 0 that are in memory.",
                                .y = "bytes",
                                .curve = {{"train", "resident_bytes", "rank 0", NN_LINE_SOLID}}};
static const nn_chart checkpoints = {
    .id = "checkpoints",
    .title = "What checkpoints cost",
    .about = "Seconds for each: how long training stood still, and how long it took until the "
             "file was on the disk.",
    .y = "s",
    .log_y = true,
    .curve = {{"checkpoint", "wait_s", "training waited", NN_LINE_POINTS},
              {"checkpoint", "write_s", "until it was written", NN_LINE_POINTS}}};

/* Milliseconds a step, a mean over the lines: each stands for the steps since the one before. */
static double mean_ms(const nn_event_lines *train, const char *column) {
    const double *value = nn_event_column(train, column), *step = nn_event_column(train, "step");
    double sum = 0, steps = 0, before = 0;
    for (size_t i = 0; value && step && i < train->rows; i++) {
        if (!isnan(value[i])) {
            sum += value[i] * (step[i] - before);
            steps += step[i] - before;
        }
        before = step[i];
    }
    return steps > 0 ? 1e3 * sum / steps : NAN;
}

static int count_stragglers(nn_pool *pool, nn_plot_run *run) {
    const double *slowest = nn_event_column(run->train, "slowest.rank");
    size_t lines = slowest ? run->train->rows : 0, count = 0;
    double *rank = nn_pool_alloc(pool, lines * sizeof *rank);
    run->straggler = nn_pool_alloc(pool, lines * sizeof *run->straggler);
    run->behind = nn_pool_alloc(pool, lines * sizeof *run->behind);
    if (!rank || !run->straggler || !run->behind)
        return NN_EMEMORY;
    for (size_t i = 0; i < lines; i++)
        if (slowest[i] >= 0)
            rank[count++] = slowest[i];
    qsort(rank, count, sizeof *rank, nn_compare_reals);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || rank[i] != rank[i - 1])
            run->straggler[run->stragglers++] = rank[i];
        run->behind[run->stragglers - 1]++;
    }
    return 0;
}

/* Ranks are numbered from 0, and have a number each in a line. */
static int measure_ranks(nn_pool *pool, nn_plot_run *run) {
    size_t columns = run->train ? run->train->columns : 0;
    run->rank_ms = nn_pool_alloc(pool, columns * sizeof *run->rank_ms);
    if (!run->rank_ms)
        return NN_EMEMORY;
    for (; run->ranks < columns; run->ranks++) {
        const char *name = nn_pool_printf(pool, "rank_s.%zu", run->ranks);
        if (!name)
            return NN_EMEMORY;
        if (!nn_event_column(run->train, name))
            break;
        run->rank_ms[run->ranks] = mean_ms(run->train, name);
    }
    return 0;
}

int nn_plot_read_times(nn_pool *pool, nn_plot_run *run) {
    NN_TRY(measure_ranks(pool, run));
    for (size_t p = 0; p < NN_PHASES; p++)
        run->phase_ms[p] = mean_ms(run->train, by_step.curve[p].column);
    return count_stragglers(pool, run);
}

double nn_plot_step_ms(const nn_plot_run *run) {
    double sum = NAN;
    for (size_t p = 0; p < NN_PHASES; p++)
        if (!isnan(run->phase_ms[p]))
            sum = isnan(sum) ? run->phase_ms[p] : sum + run->phase_ms[p];
    return sum;
}

static int plot_phases(nn_plot *plot, const nn_plot_run *run, size_t runs) {
    bool measured = false;
    for (size_t i = 0; i < runs; i++)
        measured = measured || !isnan(nn_plot_step_ms(&run[i]));
    if (!measured)
        return 0;
    nn_figure *figure =
        nn_plot_add(plot, NN_FIGURE_BARS, "phases", "Where the time of a step goes",
                    "Milliseconds a step of rank 0, as a mean over the run. Waiting is for other "
                    "ranks, and for MPI.");
    if (!figure || nn_figure_table(plot, figure, runs, 0) < 0)
        return NN_EMEMORY;
    figure->x = "ms a step";
    for (size_t p = 0; p < NN_PHASES; p++) {
        double *y = nn_pool_alloc(plot->pool, runs * sizeof *y);
        if (!y)
            return NN_EMEMORY;
        for (size_t i = 0; i < runs; i++) {
            figure->row[i] = run[i].name;
            y[i] = run[i].phase_ms[p];
        }
        NN_TRY(nn_figure_series(plot, figure,
                                (nn_series){by_step.curve[p].label, p, 0, runs, NULL, y}));
    }
    return 0;
}

static int plot_ranks(nn_plot *plot, const nn_plot_run *run) {
    if (run->ranks == 0)
        return 0;
    nn_figure *figure =
        nn_plot_add(plot, NN_FIGURE_BARS, "ranks", "Time of each rank",
                    "Milliseconds a step that a rank worked, as a mean over the run, without what "
                    "it waited for others: who has the longest bar is waited for.");
    if (!figure || nn_figure_table(plot, figure, run->ranks, 0) < 0)
        return NN_EMEMORY;
    figure->x = "ms a step";
    for (size_t r = 0; r < run->ranks; r++) {
        figure->row[r] = nn_pool_printf(plot->pool, "rank %zu", r);
        if (!figure->row[r])
            return NN_EMEMORY;
    }
    return nn_figure_series(plot, figure,
                            (nn_series){"worked", 0, 0, run->ranks, NULL, run->rank_ms});
}

/* For each rank that was ever the slowest: in how many lines. */
static int plot_stragglers(nn_plot *plot, const nn_plot_run *run) {
    size_t ranks = run->stragglers;
    if (ranks == 0)
        return 0;
    nn_figure *figure =
        nn_plot_add(plot, NN_FIGURE_BARS, "slowest-rank", "Which rank the others wait for",
                    "Lines of metrics.jsonl in which a rank worked longest. Ranks that are alike "
                    "take turns; one that is always the slowest is on a slow or busy host.");
    if (!figure || nn_figure_table(plot, figure, ranks, 0) < 0)
        return NN_EMEMORY;
    figure->x = "lines";
    for (size_t r = 0; r < ranks; r++) {
        figure->row[r] = nn_pool_printf(plot->pool, "rank %.0f", run->straggler[r]);
        if (!figure->row[r])
            return NN_EMEMORY;
    }
    return nn_figure_series(plot, figure, (nn_series){"lines", 0, 0, ranks, NULL, run->behind});
}

int nn_plot_speed(nn_plot *plot, const nn_plot_run *run, size_t runs) {
    nn_figure *figure;
    NN_TRY(nn_plot_chart(plot, run, runs, &throughput, &figure));
    NN_TRY(plot_phases(plot, run, runs));
    NN_TRY(nn_plot_chart(plot, run, runs, &by_step, &figure));
    if (runs == 1) {
        NN_TRY(plot_ranks(plot, run));
        NN_TRY(nn_plot_members(plot, run, runs, &ranks_by_step));
        NN_TRY(plot_stragglers(plot, run));
    }
    NN_TRY(nn_plot_chart(plot, run, runs, &imbalance, &figure));
    NN_TRY(nn_plot_chart(plot, run, runs, &memory, &figure));
    return nn_plot_chart(plot, run, runs, &checkpoints, &figure);
}
