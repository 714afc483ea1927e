#include "nn/losses/conversion.h"

#include <string.h>

static void label_to_sign(size_t batch, size_t width, const nn_target *in, nn_real *value) {
    (void)width;
    for (size_t i = 0; i < batch; i++)
        value[i] = in->label[i] == 1 ? 1 : -1;
}

static void label_to_number(size_t batch, size_t width, const nn_target *in, nn_real *value) {
    (void)width;
    for (size_t i = 0; i < batch; i++)
        value[i] = in->label[i] == 1 ? 1 : 0;
}

/* Ignored samples become class 0, so that no loss has to look out for them; they weigh nothing. */
static void label_to_label(size_t batch, size_t width, const nn_target *in, int32_t *label) {
    (void)width;
    for (size_t i = 0; i < batch; i++)
        label[i] = in->label[i] < 0 ? 0 : in->label[i];
}

static void label_to_one_hot(size_t batch, size_t width, const nn_target *in, nn_real *value) {
    memset(value, 0, batch * width * sizeof *value);
    for (size_t i = 0; i < batch; i++)
        if (in->label[i] >= 0)
            value[i * width + (size_t)in->label[i]] = 1;
}

static void value_to_sign(size_t batch, size_t width, const nn_target *in, nn_real *value) {
    (void)width;
    for (size_t i = 0; i < batch; i++)
        value[i] = nn_target_positive(in->value[i]) ? 1 : -1;
}

static void one_hot_to_label(size_t batch, size_t width, const nn_target *in, int32_t *label) {
    for (size_t i = 0; i < batch; i++)
        label[i] = (int32_t)nn_argmax(width, in->value + i * width);
}

#define ROW_FORMS (NN_TARGET_ONE_HOT | NN_TARGET_BIT | NN_TARGET_VALUE)

/* The first that fits is taken. */
static const nn_conversion conversions[] = {
    {true, true, NN_TARGET_SIGN, NULL, label_to_sign},
    {true, true, NN_TARGET_BIT | NN_TARGET_VALUE, NULL, label_to_number},
    {true, false, NN_TARGET_LABEL, label_to_label, NULL},
    {true, false, ROW_FORMS, NULL, label_to_one_hot},
    {false, true, NN_TARGET_SIGN, NULL, value_to_sign},
    {false, true, NN_TARGET_BIT | NN_TARGET_VALUE, NULL, NULL},
    {false, false, ROW_FORMS, NULL, NULL},
    {false, false, NN_TARGET_LABEL, one_hot_to_label, NULL},
};

const nn_conversion *nn_conversion_find(unsigned forms, bool labels, bool one_output) {
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        const nn_conversion *c = &conversions[i];
        if (c->labels == labels && c->one_output == one_output && (c->to & forms))
            return c;
    }
    return NULL;
}
