/* A run's configuration: YAML, overridden key by key. */
#ifndef NNMPI_CONFIG_H
#define NNMPI_CONFIG_H

#include <nnmpi/error.h>

#include <stddef.h>

typedef struct nn_config nn_config;

/* Reads a YAML file, or the text of one, of `length` bytes (`name` stands for the file in
 * messages); *out is to be freed, and NULL after a failure. NN_EUSAGE with file:line:column,
 * NN_EIO, NN_EMEMORY. Relative paths under `data:` are taken from the working folder, then from the
 * folder of the file. Local. */
NN_API int nn_config_load(const char *path, nn_config **out);
NN_API int nn_config_parse(const char *name, const char *text, size_t length, nn_config **out);
/* An empty one, for what nn_config_override and nn_config_use_data put into it. NN_EMEMORY. Local.
 */
NN_API int nn_config_new(const char *name, nn_config **out);
/* The embedded default: Iris, data included. NN_EMEMORY. Local. */
NN_API int nn_config_default(nn_config **out);
/* NULL is fine. Local. */
NN_API void nn_config_free(nn_config *config);

/* Overrides one key: "train.lr=0.1", "model.0.dense.units=20"; the value is YAML. NN_EUSAGE,
 * NN_EMEMORY. Local. */
NN_API int nn_config_override(nn_config *config, const char *assignment);

/* Checks everything that can be checked without data or ranks, and completes the defaults.
 * NN_EUSAGE with file:line:column, NN_EMEMORY. Local. */
NN_API int nn_config_check(nn_config *config);

/* The effective configuration as YAML text, complete after nn_config_check. Owned by `config`, and
 * valid until it is changed; NULL: NN_EMEMORY. Local. */
NN_API const char *nn_config_text(nn_config *config);
/* What messages and run folders call it: the file's name without folder and ending. Owned by
 * `config`. Local. */
NN_API const char *nn_config_name(const nn_config *config);

#endif
