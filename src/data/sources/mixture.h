/* Several data sets as one: in each split the samples of the first one, then those of the next.
 * Training takes them all together, or where they have weights each in its proportion
 * (loader/mixture.h). */
#ifndef NN_DATA_SOURCES_MIXTURE_H
#define NN_DATA_SOURCES_MIXTURE_H

#include "base/json/json.h"
#include "data/dataset.h"

#include <stdio.h>

/* A line for each part, its share and how often an epoch goes through it, after `first` and then
 * after `next`; or a key `mixture`. Nothing where the data set is no mixture. */
void nn_mixture_text(const nn_dataset *ds, const char *first, const char *next, FILE *out);
void nn_mixture_json(const nn_dataset *ds, nn_json *json);

#endif
