#include "base/system/progress.h"

static _Thread_local nn_progress_target told;

nn_progress_target nn_progress_target_get(void) {
    return told;
}

void nn_progress_target_set(nn_progress_target target) {
    told = target;
}

void nn_progress(void) {
    if (told.sink)
        told.sink(told.ctx);
}
