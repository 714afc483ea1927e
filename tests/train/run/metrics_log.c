/* metrics.jsonl and the history in checkpoints over a run that is too long for either. */
#include "train/run/metrics_log.h"

#include "base/log.h"
#include "check.h"
#include "io/files/file.h"
#include "shim/fault.c"

#include <sys/wait.h>

static char warnings[1024];

static void note(void *ctx, nn_log_level level, const char *line) {
    (void)ctx;
    (void)level;
    snprintf(warnings, sizeof warnings, "%s", line);
}

static nn_metrics_log log_;

static int append(const char *event, int64_t step, size_t filler) {
    static char text[300000];

    memset(text, 'x', filler);
    text[filler] = '\0';
    nn_json_string(nn_metrics_log_event(&log_, event, step, step / 10), "x", text);
    return nn_metrics_log_append(&log_);
}

typedef struct seen {
    size_t lines, bytes, train, validate, end;
    int64_t first, last, gap; /* steps of train lines; the largest distance of two */
} seen;

/* What a reader finds: whole lines, in the order of their steps; one may be under way. */
static seen look(void) {
    nn_pool pool = {0};
    char *text = "", event[16];
    seen s = {.first = -1};
    int64_t step, before = -1;

    CHECK_EQ_INT(nn_file_read(&pool, "metrics.jsonl", &text, &s.bytes), 0);
    char *end = strrchr(text, '\n');
    if (end)
        end[1] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        CHECK(line[strlen(line) - 1] == '}');
        if (!CHECK_EQ_INT(sscanf(line, "{\"event\":\"%15[a-z]\",\"step\":%" SCNd64, event, &step),
                          2))
            break;
        CHECK(step >= before);
        before = step;
        s.lines++;
        s.validate += strcmp(event, "validate") == 0;
        s.end += strcmp(event, "end") == 0;
        if (strcmp(event, "train") != 0)
            continue;
        if (s.train++ == 0)
            s.first = step;
        else if (step - s.last > s.gap)
            s.gap = step - s.last;
        s.last = step;
    }
    nn_pool_release(&pool);
    return s;
}

static void begin(int64_t step, const char *history) {
    CHECK_EQ_INT(nn_metrics_log_open(&log_, "metrics.jsonl", step, history), 0);
    log_.limit = 20000;
}

/* The older half is thinned again and again: the file stays small, its newest lines are all there.
 */
static void thinning(void) {
    seen s;

    begin(-1, NULL);
    for (int64_t step = 1; step <= 150; step++) {
        CHECK_EQ_INT(append("train", step, 50), 0);
        if (step % 3 == 0)
            CHECK_EQ_INT(append("validate", step, 30), 0);
    }
    s = look();
    CHECK_EQ_INT(s.train, 150);
    CHECK_EQ_INT(s.validate, 50);
    CHECK_EQ_INT(s.bytes, log_.size);
    for (int64_t step = 151; step <= 2000; step++) {
        CHECK_EQ_INT(append("train", step, 50), 0);
        if (step % 3 == 0)
            CHECK_EQ_INT(append("validate", step, 30), 0);
        if (step == 170)
            CHECK_EQ_INT(append("end", step, 1), 0);
        CHECK(log_.size <= log_.limit);
    }
    s = look();
    CHECK_EQ_INT(s.bytes, log_.size);
    CHECK_EQ_INT(s.first, 1);
    CHECK_EQ_INT(s.last, 2000);
    CHECK_EQ_INT(s.end, 1);
    CHECK(s.train > 70 && s.train < 200);
    CHECK(s.validate > s.train / 4 && s.validate < s.train / 2);
    CHECK(s.bytes > 10000);
    CHECK(s.gap > 10 && s.gap <= 160); /* the beginning has not faded away */

    /* a run that goes on: cut back to its step, and thinned as before */
    nn_metrics_log_close(&log_);
    begin(1990, NULL);
    s = look();
    CHECK_EQ_INT(s.last, 1990);
    CHECK_EQ_INT(s.first, 1);
    CHECK_EQ_INT(s.end, 0);
    CHECK_EQ_INT(append("train", 1991, 50), 0);
    s = look();
    CHECK_EQ_INT(s.bytes, log_.size);
    CHECK_EQ_INT(s.last, 1991);
    nn_metrics_log_close(&log_);
}

/* Of 100 lines of which none was left out yet, it is every second of the older 50. */
static void which_lines(void) {
    nn_pool pool = {0};
    char *text = "", wanted[32];
    size_t length;

    begin(-1, NULL);
    log_.limit = INT64_MAX;
    for (int64_t step = 101; step <= 199; step++)
        CHECK_EQ_INT(append("train", step, 50), 0);
    log_.limit = log_.size;
    CHECK_EQ_INT(append("train", 200, 50), 0);
    nn_metrics_log_close(&log_);
    CHECK_EQ_INT(nn_file_read(&pool, "metrics.jsonl", &text, &length), 0);
    for (int64_t step = 101; step <= 200; step++) {
        snprintf(wanted, sizeof wanted, "\"step\":%d,", (int)step);
        CHECK_EQ_INT(strstr(text, wanted) != NULL, step > 150 || step % 2 == 1);
    }
    nn_pool_release(&pool);
}

/* Whoever reads while lines are written and the file is replaced. */
static void readers(void) {
    begin(-1, NULL);
    pid_t child = fork();
    if (child == 0) {
        for (int64_t step = 1; step <= 1000; step++)
            if (append("train", step, 50) < 0)
                _exit(1);
        _exit(0);
    }
    int status = 0, looks = 0;
    for (; waitpid(child, &status, WNOHANG) == 0; looks++) {
        seen s = look();
        CHECK(s.bytes <= 20200);
    }
    CHECK(looks > 5);
    CHECK_EQ_INT(status, 0);
    nn_metrics_log_close(&log_);
}

/* Thinning that fails is no failure of the run. */
static void no_room(void) {
    seen s;

    begin(-1, NULL);
    log_.limit = 10000;
    fault_arm("rename", 1, true, ENOSPC, "metrics.jsonl");
    for (int64_t step = 1; step <= 120; step++)
        CHECK_EQ_INT(append("train", step, 50), 0);
    CHECK_CONTAINS(warnings, "'metrics.jsonl' is not thinned: ");
    CHECK_CONTAINS(warnings, "the disk is full");
    CHECK_EQ_INT(fault_calls(), 1);
    CHECK_EQ_INT(look().train, 120);
    fault_arm(NULL, 0, false, 0, NULL);
    for (int64_t step = 121; step <= 500; step++)
        CHECK_EQ_INT(append("train", step, 50), 0);
    s = look();
    CHECK_EQ_INT(s.last, 500);
    CHECK(s.bytes <= 20000 && s.bytes == (size_t)log_.size);
    nn_metrics_log_close(&log_);
}

static bool begins_with(const char *text, const char *wanted) {
    return strncmp(text, wanted, strlen(wanted)) == 0;
}

static void history(void) {
    static char old[200000];
    char first[64];
    size_t length = 0;

    begin(-1, NULL);
    for (int64_t step = 1; step <= 1000; step++) {
        CHECK_EQ_INT(append("validate", step, 950), 0);
        CHECK(log_.history_length <= NN_METRICS_LOG_HISTORY);
        CHECK_EQ_INT(strlen(log_.history), log_.history_length);
    }
    CHECK(log_.history_length > NN_METRICS_LOG_HISTORY - 1100);
    int64_t oldest = 1000 - (int64_t)(log_.history_length / 1000) + 1;
    snprintf(first, sizeof first, "{\"event\":\"validate\",\"step\":%" PRId64 ",", oldest);
    CHECK(begins_with(log_.history, first));

    /* one line longer than all of it stands alone, and goes with the next */
    CHECK_EQ_INT(append("validate", 1001, NN_METRICS_LOG_HISTORY + 100), 0);
    CHECK(begins_with(log_.history, "{\"event\":\"validate\",\"step\":1001,"));
    CHECK(log_.history_length > NN_METRICS_LOG_HISTORY);
    CHECK_EQ_INT(append("validate", 1002, 10), 0);
    CHECK(begins_with(log_.history, "{\"event\":\"validate\",\"step\":1002,"));
    nn_metrics_log_close(&log_);
    CHECK(log_.history == NULL);

    /* that of an older checkpoint has all lines */
    while (length < sizeof old - 64)
        length += (size_t)snprintf(old + length, 64, "{\"event\":\"validate\",\"step\":%zu,}\n",
                                   100000 + length);
    begin(0, old);
    CHECK(log_.history_length <= NN_METRICS_LOG_HISTORY);
    CHECK_STR(log_.history, old + length - log_.history_length);
    CHECK(old[length - log_.history_length - 1] == '\n');
    nn_metrics_log_close(&log_);
}

int main(void) {
    char folder[] = "/tmp/nnmpi-metrics.XXXXXX";

    if (!CHECK(mkdtemp(folder)) || !CHECK(chdir(folder) == 0))
        return check_done();
    nn_log_to(note, NULL, NN_LOG_WARNING);
    thinning();
    which_lines();
    no_room();
    readers();
    history();
    CHECK(unlink("metrics.jsonl") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
    return check_done();
}
