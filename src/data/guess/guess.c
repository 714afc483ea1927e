#include "data/guess/guess.h"

#include "data/importers/csv_reader.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "io/yaml/yaml.h"

#include <dirent.h>
#include <string.h>

int nn_guess_add(nn_guess *guess, const char *key, const char *value, const char *why) {
    if (!value || !why)
        return NN_EMEMORY;
    if (guess->count == NN_GUESS_LINES)
        return nn_fail(NN_EMEMORY, "more than %d keys of data", NN_GUESS_LINES);
    guess->line[guess->count++] = (nn_guess_line){key, value, why};
    return NN_OK;
}

/* "emnist-" of emnist-train-images-idx3-ubyte.gz; NULL: no such name. */
static char *idx_prefix(nn_pool *pool, const char *name) {
    const char *at = strstr(name, "train-images-idx");

    return at ? nn_pool_printf(pool, "%.*s", (int)(at - name), name) : NULL;
}

/* The folder of IDX files that `path` is, or is in, and what stands before their names. */
static bool find_idx(nn_pool *pool, const char *path, const char **folder, const char **prefix) {
    DIR *dir = opendir(path);
    const struct dirent *entry;
    const char *slash = strrchr(path, '/');

    *prefix = NULL;
    *folder = path;
    while (dir && !*prefix && (entry = readdir(dir)))
        *prefix = idx_prefix(pool, entry->d_name);
    if (dir) {
        closedir(dir);
    } else {
        *folder = slash ? nn_pool_printf(pool, "%.*s", (int)(slash - path), path) : ".";
        *prefix = idx_prefix(pool, slash ? slash + 1 : path);
    }
    return *prefix && *folder;
}

static int guess_idx(nn_guess *guess, const char *folder, const char *prefix) {
    NN_TRY(nn_guess_add(guess, "source", "idx", "Files in the format of MNIST."));
    NN_TRY(nn_guess_add(guess, "path", nn_yaml_quoted(guess->pool, folder), ""));
    if (!*prefix)
        return NN_OK;
    return nn_guess_add(guess, "prefix", nn_yaml_quoted(guess->pool, prefix),
                        "What their names begin with.");
}

int nn_guess_data(nn_guess *guess, const nn_guess_options *o) {
    const char *folder, *prefix;

    if (!nn_file_exists(o->path))
        return nn_fail(NN_EUSAGE, "there is no file or folder '%s'", o->path);
    if (find_idx(guess->pool, o->path, &folder, &prefix))
        return guess_idx(guess, folder, prefix);
    NN_TRY(nn_guess_add(guess, "path", nn_yaml_quoted(guess->pool, o->path), ""));
    if (nn_csv_has_name(o->path))
        return nn_guess_csv(guess, o);
    if (o->target || o->task != NN_TASK_AUTO)
        return nn_fail(NN_EUSAGE, "%s: a column to learn can be named of CSV files alone", o->path);
    return nn_is_folder(o->path) ? nn_guess_images(guess, o) : NN_OK;
}
