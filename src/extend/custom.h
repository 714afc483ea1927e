/* What layers, losses and metrics of a program's own have in common: their definitions are checked
 * and copied, and what their functions return is kept until somebody asks.
 *
 * A definition becomes a row of the table of its family. The struct that the options of such a row
 * are bound to begins with an nn_custom, behind which the program's own struct stands. */
#ifndef NN_EXTEND_CUSTOM_H
#define NN_EXTEND_CUSTOM_H

#include "base/options/option.h"
#include "base/sized.h"

#include <nnmpi/extend.h>

#include <stdalign.h>

enum { NN_CUSTOM_WHY = 200 };

typedef struct nn_custom {
    alignas(max_align_t) const void *row; /* of losses and metrics, whose functions get no more */
    size_t scratch;                       /* of layers: floats a sample */
    const char *function;                 /* the first one that has failed, or NULL */
    int code;                             /* what it returned */
    char why[NN_CUSTOM_WHY + 1];
} nn_custom;

/* The program's struct behind it. */
static inline void *nn_custom_options(const void *custom) {
    return (nn_custom *)custom + 1;
}

/* What definitions of all kinds have. */
typedef struct nn_custom_text {
    const char *type; /* "nn_layer_def" */
    const char *name, *help;
    const nn_option *options;
    size_t options_size;
    const nn_option *common; /* keys that options of the family may not have */
} nn_custom_text;

/* Fails where a definition, whose first member is its size, is NULL or of no size that is known. */
int nn_custom_check_size(const char *type, const void *def, size_t known);
/* Fails where a function that is REQUIRED is NULL. */
int nn_custom_require(const nn_custom_text *text, const char *function, bool there);
/* Checks the texts, copies them to `entry`, and adds this row to the family, which stays there,
 * with its texts in `pool`. */
int nn_custom_add(const nn_family *family, const nn_custom_text *text, nn_pool *pool,
                  nn_entry *entry);
/* Letters, digits and _, beginning with a letter; NULL is none. */
bool nn_custom_is_name(const char *name);

/* Keeps what `function` has returned; whether that was 0. To be called right behind the function.
 */
bool nn_custom_succeeds(nn_custom *custom, const char *function, int code);
/* NN_EUSAGE "its forward returned 3: why" where something has failed, after which nothing has. */
int nn_custom_fault(nn_custom *custom);

#endif
