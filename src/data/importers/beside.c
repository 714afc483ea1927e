#include "data/importers/beside.h"

#include "io/files/file.h"

#include <string.h>

/* `text` with the last `old` replaced, or as it is where there is none. */
static char *replace(nn_pool *pool, char *text, const char *old, const char *with) {
    char *found = NULL;

    for (char *at = text; text && (at = strstr(at, old)); at++)
        found = at;
    return found ? nn_pool_printf(pool, "%.*s%s%s", (int)(found - text), text, with,
                                  found + strlen(old))
                 : text;
}

int nn_find_targets(nn_pool *pool, const char *samples, const char **out) {
    const char *slash = strrchr(samples, '/'), *base = slash ? slash + 1 : samples;
    char *name = nn_pool_strdup(pool, base), *path;

    *out = NULL;
    if (name && (*base == 'x' || *base == 'X'))
        *name = *base == 'x' ? 'y' : 'Y';
    else
        name = replace(pool, replace(pool, name, "images", "labels"), "idx3", "idx1");
    path = name ? nn_pool_printf(pool, "%.*s%s", (int)(base - samples), samples, name) : NULL;
    if (!path)
        return NN_EMEMORY;
    if (strcmp(path, samples) != 0 && nn_file_exists(path))
        *out = path;
    return NN_OK;
}
