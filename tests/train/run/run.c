/* The run folder: what it holds after which events, and from what a run goes on. */
#include "base/log.h"
#include "run_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

static char warnings[4096];

static void note(void *ctx, nn_log_level level, const char *line) {
    size_t length = strlen(warnings);

    (void)ctx;
    (void)level;
    snprintf(warnings + length, sizeof warnings - length, "%s\n", line);
}

/* "rdir/last.h5" -> where it points to, "" when it is no link. */
static const char *target_of(const char *link) {
    static char target[256];
    ssize_t length = readlink(link, target, sizeof target - 1);

    target[length > 0 ? length : 0] = '\0';
    return target;
}

static void check_file(const char *path, const char *wanted) {
    nn_pool pool = {0};
    char *text = "";
    size_t length;

    CHECK_OK(nn_file_read(&pool, path, &text, &length));
    CHECK_STR(text, wanted);
    nn_pool_release(&pool);
}

static bool exists(int step) {
    char path[64];

    snprintf(path, sizeof path, "rdir/checkpoint-%d.h5", step);
    return nn_file_exists(path);
}

static void damage(const char *path) {
    struct stat status;

    CHECK(stat(path, &status) == 0 && truncate(path, status.st_size / 2) == 0);
}

static void fresh(void) {
    struct run_folder f;
    nn_run *run, *other;
    nn_snapshot snapshot;
    nn_pool pool = {0};
    char *config, host[128] = "", owner[256];
    size_t length;

    gethostname(host, sizeof host - 1);
    if (!run_folder_new(&f, "{keep: 2}"))
        return;
    CHECK_EQ_INT(run_folder_begin(&f, false, &run), 0);
    CHECK_STR(nn_run_dir(run), "rdir");
    CHECK_OK(nn_file_read(&pool, "rdir/config.yaml", &config, &length));
    CHECK_STR(config, nn_config_text(f.config));
    CHECK_CONTAINS(config, "keep: 2");
    CHECK_EQ_INT(nn_run_open(f.config, "rdir", false, &other), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "another process is training in the run folder 'rdir' (");
    snprintf(owner, sizeof owner, "process %ld on %s, since 20", (long)getpid(), host);
    CHECK_CONTAINS(nn_error_message(), owner);
    CHECK(!nn_file_exists("rdir/last.h5"));
    CHECK_OK(run_folder_save(&f, run, 10, 10));
    CHECK_STR(target_of("rdir/last.h5"), "checkpoint-10.h5");
    CHECK_STR(target_of("rdir/best.h5"), "checkpoint-10.h5");
    CHECK_OK(nn_file_write("rdir/checkpoint-best.h5", "mine", 4));
    CHECK_OK(nn_file_write("rdir/checkpoint-007.h5", "mine", 4));
    for (int step = 20; step <= 60; step += 10)
        CHECK_OK(run_folder_save(&f, run, step, 10));
    CHECK_STR(target_of("rdir/last.h5"), "checkpoint-60.h5");
    CHECK_STR(target_of("rdir/best.h5"), "checkpoint-10.h5");
    CHECK(exists(10) && !exists(20) && !exists(40) && exists(50) && exists(60));
    CHECK(nn_file_exists("rdir/checkpoint-best.h5") && nn_file_exists("rdir/checkpoint-007.h5"));
    snapshot = run_folder_at(&f, 0, -1);
    snapshot.slots = 0;
    CHECK_OK(nn_run_load_best(run, &snapshot));
    CHECK_NEAR(f.small.params[0], 10, 0);
    CHECK_EQ_INT(snapshot.state.step, 10);
    nn_run_free(run);
    CHECK_EQ_INT(run_folder_begin(&f, false, &run), -1);
    CHECK_CONTAINS(nn_error_message(), "the folder 'rdir' already holds a run; add --resume");
    run_folder_release(&f);
    nn_pool_release(&pool);
}

static void event(nn_run *run, const char *name, int64_t step) {
    nn_json_string(nn_run_event(run, name, step, step / 10), "x", "y\n");
    CHECK_OK(nn_run_append(run));
}

#define LINE(event, step, epoch)                                                                   \
    "{\"event\":\"" event "\",\"step\":" step ",\"epoch\":" epoch ",\"x\":\"y\\n\"}\n"

/* What was written after the checkpoint, and the end of a run that goes on, are cut away. */
static void metrics(void) {
    struct run_folder f;
    nn_run *run;
    nn_pool pool = {0};
    nn_snapshot snapshot;
    int fd;

    if (!run_folder_new(&f, "{keep: 2}"))
        return;
    CHECK_EQ_INT(run_folder_begin(&f, false, &run), 0);
    event(run, "train", 5);
    event(run, "validate", 10);
    event(run, "end", 10);
    snapshot = run_folder_at(&f, 10, -1);
    snapshot.history = nn_run_history(run);
    CHECK_OK(nn_run_save(run, &snapshot, NN_SYMLINK_LAST));
    event(run, "train", 12);
    event(run, "validate", 15);
    nn_run_free(run);
    fd = open("rdir/metrics.jsonl", O_WRONLY | O_APPEND);
    CHECK(fd >= 0 && write(fd, "{\"event\":\"train\",\"step\":3", 25) == 25);
    close(fd);
    CHECK_OK(nn_file_write("rdir/checkpoint-15.h5.abcdefgh.tmp", "killed", 6));
    nn_temporary_forget("rdir/checkpoint-15.h5.abcdefgh.tmp"); /* its process has ended */

    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 10);
    CHECK(!nn_file_exists("rdir/checkpoint-15.h5.abcdefgh.tmp"));
    check_file("rdir/metrics.jsonl", LINE("train", "5", "0") LINE("validate", "10", "1"));
    event(run, "validate", 20);
    snapshot = run_folder_at(&f, 20, -1);
    snapshot.history = nn_run_history(run);
    CHECK_OK(nn_run_save(run, &snapshot, NN_SYMLINK_LAST));
    check_file("rdir/metrics.jsonl",
               LINE("train", "5", "0") LINE("validate", "10", "1") LINE("validate", "20", "2"));
    CHECK_OK(nn_checkpoint_peek("rdir/last.h5", &pool, &snapshot));
    CHECK_STR(snapshot.history, LINE("validate", "10", "1") LINE("validate", "20", "2"));
    nn_run_free(run);
    run_folder_release(&f);
    nn_pool_release(&pool);
}

static void long_line(void) {
    struct run_folder f;
    nn_run *run;

    if (!run_folder_new(&f, "{}"))
        return;
    CHECK_EQ_INT(run_folder_begin(&f, false, &run), 0);
    nn_json *json = nn_run_event(run, "train", 1, 0);
    while (!json->overflow)
        nn_json_int(json, "filler", 123456789);
    CHECK_EQ_INT(nn_run_append(run), NN_EIO);
    event(run, "train", 2);
    check_file("rdir/metrics.jsonl", LINE("train", "2", "0"));
    nn_run_free(run);
    run_folder_release(&f);
}

/* Saves 10 ... 50 of which 30 is the best and all are kept. */
static bool five_checkpoints(struct run_folder *f) {
    nn_run *run;

    warnings[0] = '\0';
    if (!run_folder_new(f, "{keep: 9}") || !CHECK_EQ_INT(run_folder_begin(f, false, &run), 0))
        return false;
    for (int step = 10; step <= 50; step += 10)
        CHECK_OK(run_folder_save(f, run, step, step < 30 ? step : 30));
    nn_run_free(run);
    return true;
}

static void resume(void) {
    struct run_folder f;
    nn_run *run;

    if (!five_checkpoints(&f))
        return;
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 50);
    CHECK_STR(warnings, "");
    nn_run_free(run);

    damage("rdir/checkpoint-50.h5");
    damage("rdir/checkpoint-40.h5");
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 30);
    CHECK_CONTAINS(warnings, "last.h5");
    CHECK_CONTAINS(warnings, "going on from checkpoint-30.h5 instead");
    CHECK_OK(run_folder_save(&f, run, 35, 30));
    CHECK(!exists(50) && !exists(40) && exists(35) && exists(30) && exists(10));
    CHECK_STR(target_of("rdir/last.h5"), "checkpoint-35.h5");
    nn_run_free(run);

    CHECK(unlink("rdir/last.h5") == 0);
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 35);
    nn_run_free(run);

    damage("rdir/checkpoint-35.h5");
    damage("rdir/checkpoint-30.h5");
    damage("rdir/checkpoint-20.h5");
    damage("rdir/checkpoint-10.h5");
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), -1);
    CHECK_CONTAINS(nn_error_message(), "no checkpoint in 'rdir' can be used");
    CHECK(exists(35));
    run_folder_release(&f);
}

/* The run goes back to before its best checkpoint, or that one is gone. */
static void best_again(void) {
    struct run_folder f;
    nn_run *run;
    nn_snapshot snapshot;
    bool resumed;

    if (!five_checkpoints(&f))
        return;
    damage("rdir/checkpoint-50.h5");
    damage("rdir/checkpoint-40.h5");
    damage("rdir/checkpoint-30.h5");
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 20);
    CHECK_STR(target_of("rdir/best.h5"), "checkpoint-20.h5");
    CHECK_OK(run_folder_save(&f, run, 25, 20));
    nn_run_free(run);
    CHECK(unlink("rdir/checkpoint-20.h5") == 0);
    CHECK_OK(nn_run_open(f.config, "rdir", true, &run));
    snapshot = run_folder_at(&f, 0, -1);
    CHECK_OK(nn_run_resume(run, &snapshot, &resumed));
    CHECK(resumed);
    CHECK_EQ_INT(snapshot.state.step, 25);
    CHECK_EQ_INT(snapshot.state.best_step, -1);
    CHECK_CONTAINS(warnings, "the best so far, is gone");
    nn_run_free(run);
    run_folder_release(&f);
}

/* Resuming where nothing is yet is a fresh start; a checkpoint of another model is no damage. */
static void first_time(void) {
    struct run_folder f;
    nn_run *run;
    static const nn_shape input = {1, {4}};

    if (!run_folder_new(&f, "{}"))
        return;
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 0);
    event(run, "train", 3);
    nn_run_free(run);
    CHECK_EQ_INT(run_folder_begin(&f, true, &run), 0);
    check_file("rdir/metrics.jsonl", "");
    CHECK_OK(run_folder_save(&f, run, 10, -1));
    CHECK_OK(run_folder_save(&f, run, 20, -1));
    nn_run_free(run);
    small_model_release(&f.small);
    if (small_model_new(&f.small, "[{dense: {name: fc1, units: 4}}]", input, NULL, NULL)) {
        CHECK_EQ_INT(run_folder_begin(&f, true, &run), -1);
        CHECK_CONTAINS(nn_error_message(), "/model/fc1/weight is [3, 4], the model has [4, 4]");
    }
    run_folder_release(&f);
}

static void folders(void) {
    struct run_folder f;
    nn_run *one = NULL, *two = NULL;

    if (!run_folder_new(&f, "{}"))
        return;
    CHECK_OK(nn_run_open(f.config, NULL, false, &one));
    CHECK_OK(nn_run_open(f.config, NULL, false, &two));
    if (CHECK(one && two)) {
        CHECK(strncmp(nn_run_dir(one), "runs/net-2", 10) == 0);
        CHECK(strcmp(nn_run_dir(one), nn_run_dir(two)) != 0);
    }
    nn_run_free(one);
    nn_run_free(two);
    CHECK_EQ_INT(nn_run_open(f.config, NULL, true, &one), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "--run DIR");
    CHECK_OK(nn_file_write("file", "", 0));
    CHECK_EQ_INT(nn_run_open(f.config, "file/r", false, &one), NN_EIO);
    CHECK_CONTAINS(nn_error_message(), "file");
    CHECK_EQ_INT(nn_run_open(f.config, "/proc/nnmpi", false, &one), NN_EIO);
    CHECK_CONTAINS(nn_error_message(), "/proc/nnmpi");
    CHECK(mkdir("closed", 0500) == 0);
    if (geteuid() != 0) {
        CHECK_EQ_INT(nn_run_open(f.config, "closed", false, &one), NN_EIO);
        CHECK_CONTAINS(nn_error_message(), "cannot write into the run folder 'closed'");
    }
    CHECK_OK(nn_run_open(f.config, "a/b/c", false, &one));
    nn_run_free(one);
    run_folder_release(&f);
}

int main(void) {
    nn_log_to(note, NULL, NN_LOG_WARNING);
    fresh();
    metrics();
    long_line();
    resume();
    best_again();
    first_time();
    folders();
    return check_done();
}
