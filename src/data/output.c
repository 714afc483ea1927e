#include "data/output.h"

#include "base/system/work.h"
#include "base/text.h"
#include "data/dataset.h"
#include "io/files/file.h"
#include "io/files/folder.h"

#include <stdio.h>
#include <unistd.h>

const char *nn_field_path(const char *split, char field, char text[NN_FIELD_PATH]) {
    if (field == NN_FIELD_LENGTH)
        snprintf(text, NN_FIELD_PATH, "/%s/len", split);
    else if (field == NN_FIELD_TOKENS)
        snprintf(text, NN_FIELD_PATH, "/%s/tokens", split);
    else if (field == NN_FIELD_FILE)
        snprintf(text, NN_FIELD_PATH, "/%s/file", split);
    else
        snprintf(text, NN_FIELD_PATH, "/%s/%c", split, field);
    return text;
}

int nn_output_check_room(const char *path, uint64_t bytes) {
    char wanted[NN_BYTES_TEXT], there[NN_BYTES_TEXT];
    uint64_t room = 0;

    NN_TRY(nn_disk_free(path, &room));
    if (room < bytes)
        return nn_fail(NN_EIO, "%s takes %s, but the disk has only %s free: choose another place",
                       path, nn_bytes_text((double)bytes, wanted),
                       nn_bytes_text((double)room, there));
    return NN_OK;
}

/* The temporary file, with room for what comes. */
static int begin(nn_output *output, const char *path, const char *from, uint64_t bytes) {
    *output = (nn_output){0};
    if (!path || !*path)
        return nn_fail(NN_EUSAGE, "no name for the data set to write: give -O FILE.h5");
    NN_TRY(nn_file_replace(&output->pool, path, from, &output->path, &output->temporary));
    int rc = nn_output_check_room(path, bytes);
    if (rc == NN_OK)
        return NN_OK;
    nn_temporary_discard(output->temporary);
    output->temporary = NULL;
    return rc;
}

int nn_output_init(nn_output *output, const char *path, uint64_t bytes) {
    NN_TRY(begin(output, path, NULL, bytes));
    return nn_h5_create(output->temporary, &output->file);
}

int nn_output_copy(nn_output *output, const char *path, const char *from, uint64_t bytes) {
    NN_TRY(begin(output, path, from, bytes));
    NN_TRY(nn_file_copy(from, output->temporary));
    return nn_h5_edit(output->temporary, &output->file);
}

static void expect_rows(nn_output *output, int64_t rows) {
    if (output->written == output->declared)
        output->written = output->declared = 0;
    output->declared += rows;
}

int nn_output_declare(nn_output *output, const char *split, char field, nn_dtype type, int64_t rows,
                      const nn_shape *shape) {
    char name[NN_FIELD_PATH];
    int64_t dim[NN_MAX_RANK + 1] = {rows};

    for (int i = 0; i < shape->rank; i++)
        dim[i + 1] = shape->dim[i];
    expect_rows(output, rows);
    return nn_h5_write(output->file, nn_field_path(split, field, name), type, shape->rank + 1, dim,
                       0, 0, NULL);
}

size_t nn_output_token_bytes(int64_t different) {
    return different <= UINT16_MAX + 1 ? sizeof(uint16_t) : sizeof(uint32_t);
}

int nn_output_declare_tokens(nn_output *output, const char *split, int64_t different,
                             int64_t count) {
    char name[NN_FIELD_PATH];

    expect_rows(output, count);
    return nn_h5_make_unsigned(output->file, nn_field_path(split, NN_FIELD_TOKENS, name),
                               nn_output_token_bytes(different), count);
}

int nn_output_rows(nn_output *output, const char *split, char field, int64_t first, int64_t count,
                   nn_dtype type, const void *data) {
    char name[NN_FIELD_PATH];

    nn_work("writing", output->path, output->written, output->declared);
    output->written += count;
    return nn_h5_write_rows(output->file, nn_field_path(split, field, name), first, count, type,
                            data);
}

int nn_output_end(nn_output *output, int rc) {
    int closed = nn_h5_close(output->file);

    nn_work_end();
    if (rc >= 0)
        rc = closed;
    if (rc >= 0)
        rc = nn_file_publish(output->temporary, output->path);
    else if (output->temporary)
        nn_temporary_discard(output->temporary);
    nn_pool_release(&output->pool);
    *output = (nn_output){0};
    return rc;
}
