/* Messages, prefixes, traces and codes of failures; the log. */
#include "base/error.h"

#include "base/log.h"
#include "check.h"

#include <nnmpi/version.h>

#include <pthread.h>
#include <stdlib.h>

static int innermost(void) {
    return nn_fail(NN_EFORMAT, "%s is %d\nbytes\t\n", "a.h5", 3);
}

static int middle(void) {
    NN_TRY(innermost());
    return NN_OK;
}

static int outer(int *released) {
    int rc;

    NN_TRY_GOTO(middle());
done:
    *released = 1;
    return rc;
}

static int deep(int depth) {
    NN_TRY(depth > 0 ? deep(depth - 1) : innermost());
    return NN_OK;
}

static void check_trace(void) {
    int released = 0;

    CHECK_STR(nn_error_message(), "");
    CHECK_EQ_INT(outer(&released), NN_EFORMAT);
    CHECK_EQ_INT(released, 1);
    CHECK_STR(nn_error_message(), "a.h5 is 3 bytes");
    CHECK_STR(nn_error_trace(), "innermost < middle < outer");
    CHECK_EQ_INT(nn_error_prefix(NN_EFORMAT, "rank %d", 2), NN_EFORMAT);
    CHECK_STR(nn_error_message(), "rank 2: a.h5 is 3 bytes");
    nn_fail(NN_EIO, "because %s", nn_error_message());
    CHECK_STR(nn_error_message(), "because rank 2: a.h5 is 3 bytes");
    CHECK_STR(nn_error_trace(), "check_trace");
    nn_error_clear();
    CHECK_STR(nn_error_message(), "");
    CHECK_STR(nn_error_trace(), "");
    CHECK_EQ_INT(deep(19), NN_EFORMAT);
    CHECK_CONTAINS(nn_error_trace(), "innermost < deep < deep");
    CHECK_CONTAINS(nn_error_trace(), "deep < 5 more");
}

static void check_long_message(void) {
    char text[4000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    nn_fail(NN_EIO, "%s", text);
    CHECK_EQ_INT(strlen(nn_error_message()), 1023);
    CHECK_STR(nn_error_message() + 1020, "...");
    nn_error_prefix(NN_EIO, "%s", text);
    CHECK_EQ_INT(strlen(nn_error_message()), 1023);
    nn_error_clear();
}

static void *in_thread(void *seen) {
    nn_fail(NN_EIO, "of the thread");
    snprintf(seen, 64, "%s", nn_error_message());
    return NULL;
}

static void check_threads(void) {
    pthread_t thread;
    char seen[64] = "";

    nn_fail(NN_EUSAGE, "of main");
    if (CHECK(pthread_create(&thread, NULL, in_thread, seen) == 0))
        pthread_join(thread, NULL);
    CHECK_STR(seen, "of the thread");
    CHECK_STR(nn_error_message(), "of main");
}

static void check_codes(void) {
    CHECK_EQ_INT(nn_error_exit_code(0), 0);
    CHECK_EQ_INT(nn_error_exit_code(NN_EUSAGE), 2);
    CHECK_EQ_INT(nn_error_exit_code(NN_EMEMORY), 6);
    CHECK_EQ_INT(nn_error_exit_code(NN_ESTOPPED), 75);
    CHECK_EQ_INT(nn_error_exit_code(NN_EBUSY), 7);
    CHECK_EQ_INT(nn_error_exit_code(-99), 1);
    CHECK_STR(nn_error_text(NN_EDIVERGED), "training diverged");
    CHECK_STR(nn_error_text(-99), "unknown error");
}

typedef struct heard {
    int lines;
    char last[128];
} heard;

static void listen(void *ctx, nn_log_level level, const char *line) {
    heard *h = ctx;

    h->lines++;
    snprintf(h->last, sizeof h->last, "%d %s", (int)level, line);
}

static void check_log(void) {
    heard h = {0};

    nn_warn("to nobody");
    nn_log_to(listen, &h, NN_LOG_INFO);
    nn_debug("too fine");
    CHECK_EQ_INT(h.lines, 0);
    nn_warn("%d cores\n", 2);
    CHECK_STR(h.last, "0 2 cores");
    nn_info("fine");
    CHECK_STR(h.last, "1 fine");
    nn_log_to(NULL, NULL, NN_LOG_DEBUG);
    nn_warn("to nobody");
    CHECK_EQ_INT(h.lines, 2);
}

int main(void) {
    check_trace();
    check_long_message();
    check_threads();
    check_codes();
    check_log();
    CHECK_STR(nn_version(), NNMPI_VERSION);
    return check_done();
}
