/* What importers read that have no target of their own: a letter that says what kind of file it is,
 * then the file. Pictures are decoded and brought to a size; LIBSVM's format, arrays and texts
 * become data sets. A vocabulary (vocab.json) ends with a byte 0, behind which is its merges.txt.
 */
#include "data/importers/images/picture.h"
#include "data/importers/importer.h"
#include "data/sources/open.h"
#include "data/tokens.h"
#include "sandbox.h"
#include "target.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    sandbox_enter();
    return 0;
}

static void look_at_picture(const char *path, bool crop) {
    nn_pool pool = {0};
    nn_picture size, picture;
    unsigned char small[5 * 7 * 3];
    bool known = nn_picture_read(path, false, &pool, &size) == 0;

    if (nn_picture_read(path, true, &pool, &picture) == 0) {
        sandbox_expect(known && size.width == picture.width && size.height == picture.height,
                       "a picture has the size that its header says");
        sandbox_expect(nn_picture_fit(&picture, crop, 5, 7, crop ? 1 : 3, small) == 0,
                       "a picture can be scaled");
    }
    nn_pool_release(&pool);
}

static void import(const nn_importer_ops *importer, const void *options) {
    nn_dataset *ds;

    if (importer->run(options, "output.h5") < 0)
        return;
    if (nn_dataset_open_path("output.h5", &ds) == 0)
        nn_dataset_close(ds);
}

static void import_libsvm(char letter) {
    const nn_libsvm_options options = {
        .path = "input.svm", .values = letter == 'v', .features = letter == 'f' ? 9 : 0};

    import(&nn_importer_libsvm, &options);
}

static void import_text(int tokens) {
    const nn_text_options options = {
        .path = "input.txt", .tokens = tokens, .context = 4, .valid = tokens ? 0 : 0.2};

    import(&nn_importer_text, &options);
}

/* {"!": 0, ... of the bytes, which every vocabulary has and no input finds by itself */
static void put_bytes(FILE *json) {
    char name[3];

    for (unsigned b = 0; b < NN_BYTE_TOKENS; b++) {
        nn_token_spell((unsigned char)b, name);
        fprintf(json, "%c\"%s%s\":%u", b ? ',' : '{', b == '"' || b == '\\' ? "\\" : "", name, b);
    }
}

/* A text is encoded by a vocabulary, which is whole ('B') or goes on behind the bytes ('b'). */
static void import_vocabulary(const uint8_t *data, size_t size, bool whole) {
    static const char text[] = "the sea is wide, and\nd\xc3\xa9j\xc3\xa0 vu; the the";
    const nn_text_options options = {.path = "input.txt",
                                     .tokens = NN_TOKENS_BPE,
                                     .context = 4,
                                     .vocabulary_file = "input.json"};
    const uint8_t *end = memchr(data, '\0', size);
    size_t length = end ? (size_t)(end - data) : size, merges = length + (end != NULL);
    FILE *json = fopen(options.vocabulary_file, "wb");

    sandbox_expect(json != NULL, "input.json can be written");
    if (!whole)
        put_bytes(json);
    fwrite(data, 1, length, json);
    sandbox_expect(fclose(json) == 0, "input.json can be written");
    sandbox_put("merges.txt", data + merges, size - merges);
    sandbox_put(options.path, text, sizeof text - 1);
    import(&nn_importer_text, &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[256] = {
        ['p'] = "input.png", ['P'] = "input.png",  ['j'] = "input.jpg", ['J'] = "input.jpg",
        ['a'] = "input.npy", ['z'] = "input.npz",  ['0'] = "input.txt", ['1'] = "input.txt",
        ['2'] = "input.txt", ['3'] = "input.txt",  ['c'] = "input.svm", ['v'] = "input.svm",
        ['f'] = "input.svm", ['b'] = "input.json", ['B'] = "input.json"};
    const char *name = size > 0 ? names[data[0]] : NULL;

    if (!name)
        return 0;
    sandbox_put(name, data + 1, size - 1);
    sandbox_watch(true);
    if (data[0] == 'a')
        import(&nn_importer_npy, &(nn_npy_options){.path = name});
    else if (data[0] == 'z')
        import(&nn_importer_npz, &(nn_npz_options){.path = name});
    else if (strcmp(name, "input.svm") == 0)
        import_libsvm((char)data[0]);
    else if (strcmp(name, "input.json") == 0)
        import_vocabulary(data + 1, size - 1, data[0] == 'B');
    else if (data[0] <= '3')
        import_text(data[0] - '0');
    else
        look_at_picture(name, data[0] == 'P' || data[0] == 'J');
    sandbox_watch(false);
    return 0;
}
