#include "base/numbers/histogram.h"

nn_histogram nn_histogram_of(const nn_real *values, size_t count) {
    nn_histogram h = {.count = count, .least = (double)values[0], .most = (double)values[0]};
    for (size_t i = 0; i < count; i++) {
        double value = (double)values[i];
        h.least = value < h.least ? value : h.least;
        h.most = value > h.most ? value : h.most;
        h.sum += value;
        h.squares += value * value;
    }
    double scale = h.most > h.least ? NN_HISTOGRAM_BINS / (h.most - h.least) : 0;
    for (size_t i = 0; i < count; i++) {
        size_t bin = (size_t)(((double)values[i] - h.least) * scale);
        h.bin[bin < NN_HISTOGRAM_BINS ? bin : NN_HISTOGRAM_BINS - 1]++;
    }
    return h;
}
