/* log.report: a page of the run in its folder, which a browser follows. A thread draws it. */
#ifndef NN_TRAIN_RUN_REPORT_H
#define NN_TRAIN_RUN_REPORT_H

#include "base/mem.h"

typedef struct nn_report nn_report;

/* For the run in `dir`. NN_EMEMORY. Local. */
int nn_report_open(const char *dir, nn_report **out);
/* Draws it once more, from what the folder holds; NULL, which is left alone, as in
 * nn_report_refresh. Local. */
void nn_report_close(nn_report *report);

/* Has it drawn anew, unless that is under way, or was done so lately that drawing would take more
 * than 1 % of the time of a core. Nothing is waited for; what fails is warned of. Local. */
void nn_report_refresh(nn_report *report);

#endif
