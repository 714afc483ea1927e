/* HDF5: what is written comes back, what cannot be read is refused with a reason. */
#define _GNU_SOURCE
#include "io/hdf5/h5.h"

#include "check.h"
#include "io/files/file.h"
#include "io/hdf5/inner.h"

#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

static nn_pool pool;

static nn_h5 *create(const char *path) {
    nn_h5 *file = NULL;
    CHECK_EQ_INT(nn_h5_create(path, &file), 0);
    return file;
}

static nn_h5 *open_file(const char *path) {
    nn_h5 *file = NULL;
    CHECK_EQ_INT(nn_h5_open(path, &file), 0);
    return file;
}

static void expect_fail(int rc, int code, const char *message) {
    CHECK_EQ_INT(rc, code);
    CHECK_STR(nn_error_message(), message);
}

enum { N = 1000, D = 6 };

/* In one piece, and in rows, contiguous and in chunks with and without gzip. */
static void numbers(int64_t chunk_rows, int gzip) {
    static float x[N][2][3], back[N][2][3];
    static uint8_t pixel[N], pixel_back[N];
    const int64_t dim[] = {N, 2, 3};
    for (int i = 0; i < N * D; i++)
        (&x[0][0][0])[i] = (float)i / 7;
    for (int i = 0; i < N; i++)
        pixel[i] = (uint8_t)(i * 31);
    nn_h5 *file = create("numbers.h5");
    CHECK_EQ_INT(nn_h5_write(file, "/train/deep/x", NN_F32, 3, dim, chunk_rows, gzip, x), 0);
    CHECK_EQ_INT(nn_h5_write(file, "train/y", NN_U8, 1, dim, chunk_rows, gzip, NULL), 0);
    for (int first = 0; first < N; first += 300) {
        int count = N - first < 300 ? N - first : 300;
        CHECK_EQ_INT(nn_h5_write_rows(file, "train/y", first, count, NN_U8, pixel + first), 0);
    }
    CHECK_EQ_INT(nn_h5_close(file), 0);

    nn_h5_info info;
    file = open_file("numbers.h5");
    CHECK_EQ_INT(nn_h5_info_of(file, "train/deep/x", &info), 0);
    CHECK_EQ_INT(info.type, NN_F32);
    CHECK_EQ_INT(info.rank, 3);
    CHECK(info.dim[0] == N && info.dim[1] == 2 && info.dim[2] == 3);
    CHECK_EQ_INT(nn_h5_read(file, "train/deep/x", 0, N, NN_F32, back), 0);
    CHECK(memcmp(x, back, sizeof x) == 0);
    memset(back, 0, sizeof back);
    CHECK_EQ_INT(nn_h5_read(file, "train/deep/x", 10, 7, NN_F32, back), 0);
    CHECK(memcmp(x[10], back, 7 * sizeof x[0]) == 0);
    CHECK_NEAR(back[7][0][0], 0, 0);
    CHECK_EQ_INT(nn_h5_read(file, "train/y", 0, N, NN_U8, pixel_back), 0);
    CHECK(memcmp(pixel, pixel_back, sizeof pixel) == 0);
    CHECK_EQ_INT(nn_h5_read(file, "train/y", N, 0, NN_U8, pixel_back), 0);
    expect_fail(nn_h5_read(file, "train/y", 990, 11, NN_U8, pixel_back), NN_EFORMAT,
                "data set 'train/y' of 'numbers.h5' has 1000 rows, no rows [990, 1001)");
    expect_fail(nn_h5_read(file, "train/z", 0, 1, NN_U8, pixel_back), NN_EFORMAT,
                "'numbers.h5' has no data set 'train/z'");
    CHECK_EQ_INT(nn_h5_info_of(file, "train", &info), NN_EFORMAT);
    CHECK_CONTAINS(nn_error_message(), "cannot open data set 'train' of 'numbers.h5'");
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

static void scalars_and_empties(void) {
    const int64_t none[] = {0, 4};
    double value = 2.5, back = 0;
    nn_h5_info info;
    nn_h5 *file = create("small.h5");
    CHECK_EQ_INT(nn_h5_write(file, "s", NN_F64, 0, NULL, 8, 0, &value), 0);
    CHECK_EQ_INT(nn_h5_write(file, "none", NN_F32, 2, none, 8, 6, &value), 0);
    CHECK_EQ_INT(nn_h5_close(file), 0);
    file = open_file("small.h5");
    CHECK_EQ_INT(nn_h5_info_of(file, "s", &info), 0);
    CHECK_EQ_INT(info.rank, 0);
    CHECK_EQ_INT(nn_h5_read(file, "s", 0, 1, NN_F64, &back), 0);
    CHECK_NEAR(back, 2.5, 0);
    CHECK_EQ_INT(nn_h5_info_of(file, "none", &info), 0);
    CHECK(info.rank == 2 && info.dim[0] == 0 && info.dim[1] == 4);
    CHECK_EQ_INT(nn_h5_read(file, "none", 0, 0, NN_F32, &back), 0);
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

static void conversions(void) {
    const int64_t three[] = {3};
    const double reals[] = {1, -2, 300}, broken[] = {1, 2.5, NAN};
    const int64_t large[] = {1, 1LL << 40, 3};
    float floats[3];
    uint8_t bytes[3];
    int64_t whole[3];
    nn_h5 *file = create("types.h5");
    CHECK_EQ_INT(nn_h5_write(file, "reals", NN_F64, 1, three, 0, 0, reals), 0);
    CHECK_EQ_INT(nn_h5_write(file, "broken", NN_F64, 1, three, 0, 0, broken), 0);
    CHECK_EQ_INT(nn_h5_write(file, "narrow", NN_I16, 1, three, 0, 0, NULL), 0);
    CHECK_EQ_INT(nn_h5_write_rows(file, "narrow", 0, 3, NN_F64, reals), 0);
    expect_fail(nn_h5_write_rows(file, "narrow", 0, 3, NN_I64, large), NN_EIO,
                "cannot write data set 'narrow' of 'types.h5': a value does not fit the type "
                "(int64 in memory)");
    CHECK_EQ_INT(nn_h5_write_rows(file, "narrow", 0, 3, NN_F64, reals), 0);
    CHECK_EQ_INT(nn_h5_close(file), 0);
    file = open_file("types.h5");
    CHECK_EQ_INT(nn_h5_read(file, "reals", 0, 3, NN_F32, floats), 0);
    CHECK_NEAR(floats[2], 300, 0);
    CHECK_EQ_INT(nn_h5_read(file, "reals", 0, 3, NN_I64, whole), 0);
    CHECK_EQ_INT(whole[1], -2);
    CHECK_EQ_INT(nn_h5_read(file, "narrow", 0, 3, NN_I64, whole), 0);
    CHECK_EQ_INT(whole[2], 300);
    expect_fail(nn_h5_read(file, "reals", 0, 3, NN_U8, bytes), NN_EFORMAT,
                "cannot read data set 'reals' of 'types.h5': a value does not fit the type "
                "(uint8 in memory)");
    CHECK_EQ_INT(nn_h5_read(file, "broken", 1, 1, NN_I64, whole), NN_EFORMAT);
    CHECK_EQ_INT(nn_h5_read(file, "broken", 2, 1, NN_I64, whole), NN_EFORMAT);
    CHECK_EQ_INT(nn_h5_read(file, "broken", 0, 3, NN_F32, floats), 0);
    CHECK(isnan(floats[2]));
    CHECK_EQ_INT(nn_h5_close(file), 0);
    CHECK_EQ_INT(nn_dtype_size(NN_I16), 2);
    CHECK(nn_dtype_is_integer(NN_U8) && !nn_dtype_is_integer(NN_F64));
    CHECK_STR(nn_dtype_name(NN_F32), "float32");
}

typedef struct names {
    char text[256];
    int left; /* stop after so many */
} names;

static int note_name(void *ctx, const char *name, bool is_group) {
    names *n = ctx;
    size_t length = strlen(n->text);
    snprintf(n->text + length, sizeof n->text - length, "%s%s ", name, is_group ? "/" : "");
    return --n->left == 0 ? 42 : 0;
}

static void groups(void) {
    const int64_t one[] = {1};
    names n = {.left = 100};
    nn_h5 *file = create("groups.h5");
    CHECK_EQ_INT(nn_h5_make_group(file, "zebra/b"), 0);
    CHECK_EQ_INT(nn_h5_make_group(file, "zebra"), 0);
    CHECK_EQ_INT(nn_h5_write(file, "apple", NN_I32, 1, one, 0, 0, NULL), 0);
    CHECK_EQ_INT(nn_h5_make_group(file, "/zebra/a"), 0);
    CHECK_EQ_INT(nn_h5_make_group(file, "/"), 0);
    CHECK_EQ_INT(nn_h5_write(file, "/zebra/a0", NN_I32, 1, one, 0, 0, NULL), 0);
    expect_fail(nn_h5_make_group(file, "apple"), NN_EIO,
                "cannot make the group 'apple' of 'groups.h5': a data set has that name");
    expect_fail(nn_h5_write(file, "apple", NN_I32, 1, one, 0, 0, NULL), NN_EIO,
                "'groups.h5' has a 'apple' already");
    CHECK_EQ_INT(nn_h5_write(file, "apple/core", NN_I32, 1, one, 0, 0, NULL), NN_EIO);
    CHECK_EQ_INT(nn_h5_close(file), 0);
    file = open_file("groups.h5");
    CHECK_EQ_INT(nn_h5_list(file, "/", note_name, &n), 0);
    CHECK_STR(n.text, "zebra/ apple ");
    n = (names){.left = 100};
    CHECK_EQ_INT(nn_h5_list(file, "zebra", note_name, &n), 0);
    CHECK_STR(n.text, "b/ a/ a0 ");
    n = (names){.left = 2};
    CHECK_EQ_INT(nn_h5_list(file, "zebra", note_name, &n), 42);
    CHECK_STR(n.text, "b/ a/ ");
    expect_fail(nn_h5_list(file, "none", note_name, &n), NN_EFORMAT,
                "'groups.h5' has no group 'none'");
    expect_fail(nn_h5_list(file, "apple", note_name, &n), NN_EFORMAT,
                "'groups.h5' has no group 'apple'");
    CHECK(nn_h5_exists(file, "/") && nn_h5_exists(file, "zebra/b") && nn_h5_exists(file, "/apple"));
    CHECK(!nn_h5_exists(file, "zebra/c") && !nn_h5_exists(file, "zebra/c/d"));
    CHECK(!nn_h5_exists(file, "apple/x"));
    CHECK_STR(nn_h5_path(file), "groups.h5");
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

static void attributes(void) {
    const char *const classes[] = {"setosa", "versicolor", "", "\xe2\x9c\x93"};
    nn_h5 *file = create("attributes.h5");
    CHECK_EQ_INT(nn_h5_set_text(file, "/", "format", "first"), 0);
    CHECK_EQ_INT(nn_h5_set_text(file, "/", "format", "nnmpi-checkpoint"), 0);
    CHECK_EQ_INT(nn_h5_set_text(file, "/", "nothing", ""), 0);
    CHECK_EQ_INT(nn_h5_set_int(file, "/", "version", INT64_MIN), 0);
    CHECK_EQ_INT(nn_h5_make_group(file, "train"), 0);
    CHECK_EQ_INT(nn_h5_set_real(file, "train", "scale", 1.0 / 255), 0);
    CHECK_EQ_INT(nn_h5_set_real(file, "train", "seven", 7), 0);
    CHECK_EQ_INT(nn_h5_set_texts(file, "train", "classes", classes, 4), 0);
    CHECK_EQ_INT(nn_h5_set_texts(file, "train", "no classes", classes, 0), 0);
    CHECK_EQ_INT(nn_h5_set_int(file, "valid", "x", 1), NN_EIO);
    CHECK_CONTAINS(nn_error_message(), "cannot write attribute 'x' at 'valid' of 'attributes.h5'");
    CHECK_EQ_INT(nn_h5_write_text(file, "config", "train: {}\n"), 0);
    CHECK_EQ_INT(nn_h5_close(file), 0);

    char *text = NULL, **texts = NULL;
    int64_t whole = 0;
    double real[2];
    size_t count = 1;
    file = open_file("attributes.h5");
    CHECK_EQ_INT(nn_h5_get_text(file, "/", "format", &pool, &text), 0);
    CHECK_STR(text, "nnmpi-checkpoint");
    CHECK_EQ_INT(nn_h5_get_text(file, "/", "nothing", &pool, &text), 0);
    CHECK_STR(text, "");
    CHECK_EQ_INT(nn_h5_get_int(file, "/", "version", &whole), 0);
    CHECK_EQ_INT(whole, INT64_MIN);
    CHECK_EQ_INT(nn_h5_get_reals(file, "train", "scale", real, &count), 0);
    CHECK_EQ_INT(count, 1);
    CHECK_NEAR(real[0], 1.0 / 255, 0);
    CHECK_EQ_INT(nn_h5_get_int(file, "train", "seven", &whole), 0);
    CHECK_EQ_INT(whole, 7);
    expect_fail(nn_h5_get_int(file, "train", "scale", &whole), NN_EFORMAT,
                "attribute 'scale' at 'train' of 'attributes.h5' is not one whole number");
    CHECK_EQ_INT(nn_h5_get_texts(file, "train", "classes", &pool, &texts, &count), 0);
    CHECK_EQ_INT(count, 4);
    for (size_t i = 0; i < 4; i++)
        CHECK_STR(texts[i], classes[i]);
    CHECK_EQ_INT(nn_h5_get_texts(file, "train", "no classes", &pool, &texts, &count), 0);
    CHECK_EQ_INT(count, 0);
    expect_fail(nn_h5_get_text(file, "train", "classes", &pool, &text), NN_EFORMAT,
                "attribute 'classes' at 'train' of 'attributes.h5' holds 4 strings where one is "
                "needed");
    expect_fail(nn_h5_get_int(file, "/", "format", &whole), NN_EFORMAT,
                "attribute 'format' at '/' of 'attributes.h5' holds strings where numbers are "
                "needed");
    expect_fail(nn_h5_get_text(file, "/", "version", &pool, &text), NN_EFORMAT,
                "attribute 'version' at '/' of 'attributes.h5' holds integers where text is "
                "needed");
    expect_fail(nn_h5_get_text(file, "/", "none", &pool, &text), NN_EFORMAT,
                "'attributes.h5' has no attribute 'none' at '/'");
    CHECK(nn_h5_has_attr(file, "train", "scale") && !nn_h5_has_attr(file, "train", "x"));
    CHECK(!nn_h5_has_attr(file, "valid", "scale"));
    CHECK_EQ_INT(nn_h5_read_text(file, "config", &pool, &text), 0);
    CHECK_STR(text, "train: {}\n");
    expect_fail(nn_h5_read(file, "config", 0, 1, NN_U8, real), NN_EFORMAT,
                "data set 'config' of 'attributes.h5' holds strings where numbers are needed");
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

/* More data sets than are kept open at once, written in turns. */
static void many_datasets(void) {
    enum { SETS = 20, ROWS = 50 };
    const int64_t dim[] = {ROWS};
    char name[32];
    nn_h5 *file = create("many.h5");
    for (int s = 0; s < SETS; s++) {
        snprintf(name, sizeof name, "d%d", s);
        CHECK_EQ_INT(nn_h5_write(file, name, NN_I32, 1, dim, 7, 0, NULL), 0);
    }
    for (int64_t r = 0; r < ROWS; r++)
        for (int s = 0; s < SETS; s++) {
            int32_t value = (int32_t)(1000 * s + r);
            snprintf(name, sizeof name, "d%d", s);
            CHECK_EQ_INT(nn_h5_write_rows(file, name, r, 1, NN_I32, &value), 0);
        }
    CHECK_EQ_INT(nn_h5_close(file), 0);
    file = open_file("many.h5");
    for (int s = 0; s < SETS; s++) {
        int32_t values[ROWS];
        snprintf(name, sizeof name, "d%d", s);
        CHECK_EQ_INT(nn_h5_read(file, name, 0, ROWS, NN_I32, values), 0);
        for (int r = 0; r < ROWS; r++)
            CHECK_EQ_INT(values[r], 1000 * s + r);
    }
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

/* Equal contents make equal bytes, whenever they are written. */
static void deterministic(void) {
    char *first = NULL, *second = NULL;
    size_t first_length = 0, second_length = 0;
    numbers(64, 4);
    CHECK_EQ_INT(nn_file_read(&pool, "numbers.h5", &first, &first_length), 0);
    sleep(1);
    numbers(64, 4);
    CHECK_EQ_INT(nn_file_read(&pool, "numbers.h5", &second, &second_length), 0);
    CHECK_EQ_INT(first_length, second_length);
    CHECK(first_length == second_length && memcmp(first, second, first_length) == 0);
}

/* What HDF5 accumulates of a file's metadata, to write larger pieces, it also serves, for whatever
 * address a damaged file names and unseen by our driver: of a file that is only read it accumulates
 * nothing. */
static void accumulates(unsigned mode, bool expected) {
    nn_h5_channel *channel = calloc(1, sizeof *channel);
    unsigned long flags = 0;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    channel->users = 1;
    CHECK_EQ_INT(nn_h5_driver_use(access, channel), 0);
    H5FD_t *file = H5FDopen("small.h5", mode, access, (haddr_t)INT64_MAX);
    if (CHECK(file != NULL)) {
        CHECK(H5FDquery(file, &flags) >= 0);
        CHECK_EQ_INT((flags & H5FD_FEAT_ACCUMULATE_METADATA) != 0, expected);
        CHECK(H5FDclose(file) >= 0);
    }
    H5Pclose(access);
    nn_h5_channel_release(channel);
}

/* Before HDF5 is used: at the end of a process that does without HDF5's, HDF5 writes nothing more
 * to a file that was not closed, and does not look at it; on a damaged one it would crash. */
static void skipped_exit(void) {
    struct stat left;
    nn_h5 *file = NULL;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        nn_h5_skip_exit();
        exit(nn_h5_create("left.h5", &file) < 0 || nn_h5_make_group(file, "group") < 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_EQ_INT(status, 0);
    CHECK(stat("left.h5", &left) == 0 && left.st_size == 0);
}

static void bad_files(void) {
    nn_h5 *file = NULL;
    expect_fail(nn_h5_open("none.h5", &file), NN_EFORMAT,
                "cannot open 'none.h5': No such file or directory");
    CHECK(file == NULL);
    expect_fail(nn_h5_open(".", &file), NN_EFORMAT,
                "'.' is a folder, but a regular file is wanted");
    CHECK_EQ_INT(nn_file_write("text.h5", "no HDF5 at all\n", 15), 0);
    expect_fail(nn_h5_open("text.h5", &file), NN_EFORMAT, "'text.h5' is not an HDF5 file");
    CHECK_EQ_INT(nn_file_write("empty.h5", "", 0), 0);
    expect_fail(nn_h5_open("empty.h5", &file), NN_EFORMAT,
                "'empty.h5' is not an HDF5 file: it is empty");
    expect_fail(nn_h5_create("no/folder/x.h5", &file), NN_EIO,
                "cannot create 'no/folder/x.h5': No such file or directory");
    CHECK(file == NULL);
    CHECK_EQ_INT(nn_h5_close(NULL), 0);
}

/* Our words, and then those of HDF5, whichever its version has. */
static void expect_reason(const char *words) {
    const char *message = nn_error_message();
    CHECK(strncmp(message, words, strlen(words)) == 0 && strlen(message) > strlen(words) &&
          strstr(message, "no reason") == NULL);
}

/* A question that cannot be answered is not answered "no" without a word. */
static void damaged_group(void) {
    static const char link[] = "config";
    char *bytes = NULL;
    size_t length = 0;
    CHECK_EQ_INT(nn_file_read(&pool, "attributes.h5", &bytes, &length), 0);
    char *at = memmem(bytes, length, link, strlen(link));
    if (!CHECK(at != NULL))
        return;
    at[0] = 'k';
    CHECK_EQ_INT(nn_file_write("damaged.h5", bytes, length), 0);
    nn_h5 *file = open_file("damaged.h5");
    CHECK(!nn_h5_exists(file, "config"));
    CHECK_EQ_INT(nn_h5_list(file, "/none", NULL, NULL), NN_EFORMAT);
    expect_reason("cannot find group '/none' of 'damaged.h5': ");
    CHECK_EQ_INT(nn_h5_close(file), NN_EFORMAT);
    expect_reason("'damaged.h5' is damaged: ");
}

/* In a process of its own that ends without ceremony, for HDF5 loses memory over damaged files, and
 * a crash should not end the test. */
static void in_child(void (*test)(void)) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        test();
        _exit(check_done());
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_EQ_INT(status, 0);
}

/* A file of every possible shorter length is refused, and called what it is. */
static void truncated_files(void) {
    char *bytes = NULL;
    size_t length = 0;
    CHECK_EQ_INT(nn_file_read(&pool, "attributes.h5", &bytes, &length), 0);
    for (size_t cut = 1; cut < length; cut += cut < 100 || cut > length - 20 ? 1 : 97) {
        nn_h5 *file = NULL;
        CHECK_EQ_INT(nn_file_write("cut.h5", bytes, cut), 0);
        CHECK_EQ_INT(nn_h5_open("cut.h5", &file), NN_EFORMAT);
        bool superblock = cut >= 48;
        CHECK_CONTAINS(nn_error_message(), superblock ? "'cut.h5' is truncated" : "'cut.h5'");
    }
}

/* A flipped bit in a chunk is found by its checksum. */
static void flipped_bit(void) {
    static float x[N][2][3];
    const float mark = 1000.0F / 7;
    char *bytes = NULL;
    size_t length = 0;
    numbers(64, 0);
    CHECK_EQ_INT(nn_file_read(&pool, "numbers.h5", &bytes, &length), 0);
    char *at = memmem(bytes, length, &mark, sizeof mark);
    if (!CHECK(at != NULL))
        return;
    *at ^= 4;
    CHECK_EQ_INT(nn_file_write("flipped.h5", bytes, length), 0);
    nn_h5 *file = open_file("flipped.h5");
    CHECK_EQ_INT(nn_h5_read(file, "train/deep/x", 0, N, NN_F32, x), NN_EFORMAT);
    CHECK_CONTAINS(nn_error_message(), "cannot read data set 'train/deep/x' of 'flipped.h5': ");
    CHECK_EQ_INT(nn_h5_read(file, "train/deep/x", 900, 50, NN_F32, x), 0);
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

static void read_all(const char *path) {
    nn_h5 *file = NULL;
    names n = {.left = 10};
    char *text = NULL, **texts = NULL;
    int64_t whole = 0;
    double real = 0;
    size_t count = 1;
    if (nn_h5_open(path, &file) < 0)
        return;
    nn_h5_list(file, "/", note_name, &n);
    nn_h5_get_text(file, "/", "format", &pool, &text);
    nn_h5_get_texts(file, "train", "classes", &pool, &texts, &count);
    nn_h5_get_reals(file, "train", "scale", &real, &count);
    nn_h5_get_int(file, "/", "version", &whole);
    nn_h5_read_text(file, "config", &pool, &text);
    nn_h5_close(file);
}

/* Whichever bit is wrong, reading ends with data or with a message, never with a crash. */
static void flipped_bits_anywhere(void) {
    char *bytes = NULL;
    size_t length = 0;
    CHECK_EQ_INT(nn_file_read(&pool, "attributes.h5", &bytes, &length), 0);
    int fd = open("garbage.h5", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    for (size_t at = 0; at < length; at++) {
        char wrong = (char)(bytes[at] ^ (1 << at % 8));
        CHECK(pwrite(fd, &wrong, 1, (off_t)at) == 1);
        read_all("garbage.h5");
        CHECK(pwrite(fd, &bytes[at], 1, (off_t)at) == 1);
    }
    close(fd);
}

int main(void) {
    char folder[] = "io_h5.XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return 1;
    skipped_exit();
    numbers(0, 0);
    numbers(64, 0);
    numbers(64, 6);
    numbers(5000, 1);
    scalars_and_empties();
    conversions();
    groups();
    attributes();
    many_datasets();
    deterministic();
    accumulates(H5F_ACC_RDONLY, false);
    accumulates(H5F_ACC_RDWR, true);
    bad_files();
    in_child(truncated_files);
    flipped_bit();
    in_child(damaged_group);
    in_child(flipped_bits_anywhere);
    nn_pool_release(&pool);
    static const char *const made[] = {
        "numbers.h5", "small.h5", "types.h5",   "groups.h5",  "attributes.h5", "many.h5", "text.h5",
        "empty.h5",   "cut.h5",   "damaged.h5", "flipped.h5", "garbage.h5",    "left.h5"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        CHECK_EQ_INT(unlink(made[i]), 0);
    CHECK(chdir("..") == 0 && rmdir(folder) == 0);
    return check_done();
}
