#include "data/guess/guess.h"

#include "data/importers/csv_reader.h"
#include "data/importers/importer.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "io/yaml/yaml.h"

int nn_guess_add(nn_guess *guess, const char *key, const char *value, const char *why) {
    if (!value || !why)
        return NN_EMEMORY;
    if (guess->count == NN_GUESS_LINES)
        return nn_fail(NN_EMEMORY, "more than %d keys of data", NN_GUESS_LINES);
    guess->line[guess->count++] = (nn_guess_line){key, value, why};
    return NN_OK;
}

int nn_guess_data(nn_guess *guess, const nn_guess_options *o) {
    if (!nn_file_exists(o->path))
        return nn_fail(NN_EUSAGE, "there is no file or folder '%s'", o->path);
    NN_TRY(nn_guess_add(guess, "path", nn_yaml_quoted(guess->pool, o->path), ""));
    if (nn_csv_has_name(o->path))
        return nn_guess_csv(guess, o);
    if (o->target || o->task != NN_TASK_AUTO)
        return nn_fail(NN_EUSAGE, "%s: a column to learn can be named of CSV files alone", o->path);
    return nn_is_folder(o->path) && !nn_idx_has_folder(o->path) ? nn_guess_images(guess, o) : NN_OK;
}
