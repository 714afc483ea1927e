#include "train/bench/roofline.h"

void nn_roofline_add(const nn_roofline *machine, double work, double bytes, nn_least_time *time) {
    double compute = work / machine->peak, memory = bytes / machine->memory;
    if (compute > memory)
        time->compute += compute;
    else
        time->memory += memory;
}

double nn_roofline_share(const nn_least_time *least, double seconds) {
    return seconds > 0 ? (least->compute + least->memory) / seconds : 0;
}

const char *nn_roofline_bound(const nn_least_time *least, double seconds) {
    if (nn_roofline_share(least, seconds) < 0.5)
        return "overhead";
    return least->compute > least->memory ? "compute" : "memory";
}
