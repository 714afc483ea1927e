#include "train/run/page.h"

#include "base/log.h"
#include "base/system/clock.h"
#include "base/system/worker.h"
#include "plot/plot.h"

#include <math.h>

#define SHARE 0.01        /* of the time of a core */
#define LEAST_SECONDS 2.0 /* between two pages that a browser loads by itself */

struct nn_run_page {
    nn_pool pool;
    const char *dir, *path;
    nn_worker *worker; /* the rest is its, while it is busy */
    double due;        /* seconds of the clock: not to be drawn before */
    double pause;      /* seconds between two pages */
    bool over;         /* the run has ended, or the program does */
    bool warned;       /* the last drawing failed */
};

static int draw(nn_run_page *r, nn_pool *pool) {
    nn_plot plot = {.pool = pool, .refresh = r->over ? 0 : fmax(r->pause, LEAST_SECONDS)};
    NN_TRY(nn_plot_runs(&plot, &r->dir, 1));
    return nn_plot_page(&plot, r->path);
}

/* The run goes on without its page. */
static void work(void *ctx) {
    nn_run_page *r = ctx;
    nn_pool pool = {0};
    double begin = nn_seconds();
    bool failed = draw(r, &pool) < 0;
    if (failed && !r->warned)
        nn_warn("the page of the run is not drawn (log.report): %s", nn_error_message());
    nn_error_clear();
    r->warned = failed;
    nn_pool_release(&pool);
    r->pause = (nn_seconds() - begin) / SHARE;
    r->due = nn_seconds() + r->pause;
}

int nn_run_page_open(const char *dir, nn_run_page **out) {
    nn_run_page *r;
    int rc;
    *out = NULL;
    NN_TRY(NN_NEW(&r, 1, "report"));
    r->dir = nn_pool_strdup(&r->pool, dir);
    r->path = nn_pool_printf(&r->pool, "%s/report.html", dir);
    rc = r->dir && r->path ? 0 : NN_EMEMORY;
    if (rc == 0 && nn_worker_new("the page of the run", &r->worker) == 0) {
        *out = r;
        return 0;
    }
    if (rc == 0) {
        nn_warn("the run goes on without its page (log.report): %s", nn_error_message());
        nn_error_clear();
    }
    nn_pool_release(&r->pool);
    nn_free(r);
    return rc;
}

void nn_run_page_close(nn_run_page *page) {
    if (!page)
        return;
    nn_worker_wait(page->worker);
    page->over = true;
    nn_worker_start(page->worker, work, page); /* in the thread, as a message may be pending here */
    nn_worker_free(page->worker);
    nn_pool_release(&page->pool);
    nn_free(page);
}

void nn_run_page_refresh(nn_run_page *page) {
    if (page && !nn_worker_busy(page->worker) && nn_seconds() >= page->due)
        nn_worker_start(page->worker, work, page);
}
