/* Numbers that are as good as random, the same each time. */
#ifndef NN_TESTS_TRAIN_STEP_NOISE_H
#define NN_TESTS_TRAIN_STEP_NOISE_H

static inline unsigned noise(void) {
    static unsigned state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 16;
}

#endif
