/* log.report: a page of the run in its folder, which a browser follows. A thread draws it. */
#ifndef NN_TRAIN_RUN_PAGE_H
#define NN_TRAIN_RUN_PAGE_H

#include "base/mem.h"

typedef struct nn_run_page nn_run_page;

/* For the run in `dir`; *out is NULL, after a warning, where no thread can be had. NN_EMEMORY.
 * Local. */
int nn_run_page_open(const char *dir, nn_run_page **out);
/* Draws it once more, from what the folder holds; NULL, which is left alone, as in
 * nn_run_page_refresh. Local. */
void nn_run_page_close(nn_run_page *page);

/* Has it drawn anew, unless that is under way, or was done so lately that drawing would take more
 * than 1 % of the time of a core. Nothing is waited for; what fails is warned of. Local. */
void nn_run_page_refresh(nn_run_page *page);

#endif
