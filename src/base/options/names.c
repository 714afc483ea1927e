#include "base/options/names.h"

#include "base/options/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void nn_names_add(nn_names *names, const char *name) {
    if (names->count < NN_NAMES_MAX)
        names->name[names->count++] = name;
}

static void append(nn_names *names, const char *before, const char *name) {
    size_t length = strlen(names->text);

    snprintf(names->text + length, NN_NAMES_TEXT - length, "%s%s", before, name);
}

const char *nn_names_advice(nn_names *names, const char *word, const char *valid) {
    const char *nearest = nn_nearest(word, names->name);

    names->text[0] = '\0';
    if (nearest) {
        snprintf(names->text, NN_NAMES_TEXT, ", did you mean '%s'?", nearest);
        return names->text;
    }
    append(names, "; ", valid);
    for (size_t i = 0; i < names->count; i++)
        append(names, i ? ", " : ": ", names->name[i]);
    if (names->count == 0)
        append(names, ": ", "none");
    return names->text;
}
