/* YAML in and out; the only user of yaml.h (libyaml). */
#ifndef NN_IO_YAML_YAML_H
#define NN_IO_YAML_YAML_H

#include "base/options/node.h"

#include <stdio.h>

/* Parses one document into *root, owned by `pool`. `file` names it in messages and is copied.
 * Anchors and aliases work; duplicate keys and a second document are errors. NN_EUSAGE with
 * file:line:column. Local. */
int nn_yaml_parse(nn_pool *pool, const char *file, const char *text, size_t length, nn_node **root);

/* Reads and parses a file; NN_EUSAGE when it cannot be read. */
int nn_yaml_load(nn_pool *pool, const char *file, nn_node **root);

/* Emits the tree as text owned by `pool`: block style, strings quoted where they need it. */
int nn_yaml_emit(nn_pool *pool, const nn_node *root, char **text);

/* For YAML that is put together by hand: a comment in lines of up to 96 columns, of which each has
 * `indent` blanks in front; and a text in double quotes, owned by `pool`, NULL: NN_EMEMORY. */
void nn_yaml_comment(FILE *out, int indent, const char *text);
char *nn_yaml_quoted(nn_pool *pool, const char *text);

#endif
