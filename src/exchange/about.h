/* What files in other formats say of a model in nnmpi's own words: a text in YAML, {format: 1,
 * nnmpi: version, config: {...}, data: {...}}. */
#ifndef NN_EXCHANGE_ABOUT_H
#define NN_EXCHANGE_ABOUT_H

#include "exchange/portable.h"

/* Owned by the portable model's pool. */
int nn_about_write(nn_portable *p, char **text);
/* Fills the traits and builds the model. NN_EFORMAT or NN_EUSAGE with the place in `file`. */
int nn_about_read(nn_portable *p, const char *file, const char *text);

#endif
