#define _GNU_SOURCE
#include "base/system/clock.h"

#include <time.h>

double nn_seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void nn_timestamp(char *out, size_t size) {
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    if (strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0 && size > 0)
        out[0] = '\0';
}
