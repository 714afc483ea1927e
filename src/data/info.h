/* What a data set holds: shapes, types, classes, statistics. */
#ifndef NN_DATA_INFO_H
#define NN_DATA_INFO_H

#include "data/dataset.h"

#include <stdio.h>

typedef struct nn_info nn_info;

/* Reads the whole file once, with `other_files` what it leads to, too, in pieces. Values that are
 * no numbers are counted, not refused. NN_EFORMAT. Local. */
int nn_info_new(const char *path, bool other_files, nn_info **out);
void nn_info_free(nn_info *info);

/* A table for people, or one JSON object and a newline. NN_EMEMORY. */
int nn_info_text(const nn_info *info, FILE *out);
int nn_info_json(const nn_info *info, FILE *out);

#endif
