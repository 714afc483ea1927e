/* Files between us and h5py, both ways. Skipped where h5py is missing. */
#define _GNU_SOURCE
#include "check.h"
#include "io/hdf5/h5.h"

#include <stdlib.h>
#include <unistd.h>

static const char writes[] =
    "import h5py, numpy as np\n"
    "with h5py.File('py.h5', 'w') as f:\n"
    "    f['zz/u16'] = np.array([1, 65535], 'u2')\n"
    "    f['zz/u32'] = np.array([1, 4294967295], 'u4')\n"
    "    f['zz/u64'] = np.array([1, 2**62], 'u8')\n"
    "    f['zz/too_big'] = np.array([2**63], 'u8')\n"
    "    f['zz/half'] = np.array([0.5, -2], 'f2')\n"
    "    f['zz/big_endian'] = np.array([1, -5], '>i4')\n"
    "    f['zz/bool'] = np.array([True, False])\n"
    "    f['zz/long_double'] = np.array([0.25, 3], 'g')\n"
    "    f['text'] = 'gr\\u00fc\\u00df dich'\n"
    "    f['fixed'] = np.bytes_('fixed')\n"
    "    f['words'] = np.array(['a', 'b'], dtype=h5py.string_dtype())\n"
    "    f['compound'] = np.zeros(3, [('a', 'f4'), ('b', 'i4')])\n"
    "    f['complex'] = np.zeros(3, 'c8')\n"
    "    f['nothing'] = h5py.Empty('f4')\n"
    "    f['deep'] = np.zeros((1,) * 9)\n"
    "    f['soft'] = h5py.SoftLink('/zz/u16')\n"
    "    f['dangling'] = h5py.SoftLink('/nowhere')\n"
    "    a = f.attrs\n"
    "    a['str'] = 'ein \\u2713'\n"
    "    a['bytes'] = np.bytes_('b')\n"
    "    a['empty'] = ''\n"
    "    a['classes'] = ['setosa', 'virginica']\n"
    "    a['padded'] = np.array([b'ab', b'c'])\n"
    "    a['int'] = np.uint8(200)\n"
    "    a['flag'] = True\n"
    "    a['mean'] = np.array([0.25, 0.5], 'f4')\n"
    "    a['overwritten'] = 'x' * 100\n"
    "    a['overwritten'] = 'y' * 5000\n"
    "    d = f.create_dataset('gz', data=np.arange(60000).reshape(3000, 20),\n"
    "                         chunks=(1000, 7), compression='gzip', shuffle=True)\n"
    "    h = f.create_group('tracked', track_order=True)\n"
    "    h['b'] = 1\n"
    "    h['a'] = 2\n";

static const char reads[] =
    "import h5py, numpy as np\n"
    "with h5py.File('ours.h5') as f:\n"
    "    assert f.attrs['format'] == 'nnmpi-checkpoint', f.attrs['format']\n"
    "    assert list(f.attrs['classes']) == ['a', '\\u00e9'], f.attrs['classes']\n"
    "    assert f.attrs['version'] == 3 and f.attrs['lr'] == 0.1\n"
    "    assert f['config'][()].decode() == 'a: \\u00e9\\n'\n"
    "    assert f['config'].asstr()[()] == 'a: \\u00e9\\n'\n"
    "    assert f['empty'][()].decode() == ''\n"
    "    w = f['model/fc1/weight']\n"
    "    assert w.dtype == np.float32 and w.shape == (2, 3) and w.fletcher32\n"
    "    assert (w[:] == np.arange(6).reshape(2, 3)).all()\n"
    "    assert f['pixels'].dtype == np.uint8 and f['pixels'].compression == 'gzip'\n";

static nn_pool pool;

static bool python(const char *program) {
    FILE *out = fopen("program.py", "w");
    if (out == NULL || fputs(program, out) < 0 || fclose(out) != 0)
        return false;
    return system("PATH=/usr/bin:$PATH python3 program.py") == 0;
}

static void expect_type(nn_h5 *file, const char *name, nn_dtype type) {
    nn_h5_info info;
    CHECK_EQ_INT(nn_h5_info_of(file, name, &info), 0);
    CHECK_STR(nn_dtype_name(info.type), nn_dtype_name(type));
}

static void expect_refused(nn_h5 *file, const char *name, const char *words) {
    nn_h5_info info;
    CHECK_EQ_INT(nn_h5_info_of(file, name, &info), NN_EFORMAT);
    CHECK_CONTAINS(nn_error_message(), name);
    CHECK_CONTAINS(nn_error_message(), words);
}

static int64_t last_of_two(nn_h5 *file, const char *name) {
    int64_t value[2] = {0};
    CHECK_EQ_INT(nn_h5_read(file, name, 0, 2, NN_I64, value), 0);
    return value[1];
}

static void numbers(nn_h5 *file) {
    float reals[2];
    double real = 0;
    int64_t value = 0;
    static int32_t grid[3000][20], part[100][20];
    expect_type(file, "zz/u16", NN_I32);
    expect_type(file, "zz/u32", NN_I64);
    expect_type(file, "zz/u64", NN_I64);
    expect_type(file, "zz/half", NN_F32);
    expect_type(file, "zz/big_endian", NN_I32);
    expect_type(file, "zz/bool", NN_I8);
    expect_type(file, "zz/long_double", NN_F64);
    expect_type(file, "soft", NN_I32);
    CHECK_EQ_INT(last_of_two(file, "zz/u16"), 65535);
    CHECK_EQ_INT(last_of_two(file, "zz/u32"), 4294967295);
    CHECK_EQ_INT(last_of_two(file, "zz/u64"), 1LL << 62);
    CHECK_EQ_INT(last_of_two(file, "zz/big_endian"), -5);
    CHECK_EQ_INT(last_of_two(file, "zz/bool"), 0);
    CHECK_EQ_INT(nn_h5_read(file, "zz/bool", 0, 1, NN_I64, &value), 0);
    CHECK_EQ_INT(value, 1);
    CHECK_EQ_INT(nn_h5_read(file, "zz/half", 0, 2, NN_F32, reals), 0);
    CHECK(reals[0] == 0.5F && reals[1] == -2.0F);
    CHECK_EQ_INT(nn_h5_read(file, "zz/long_double", 0, 1, NN_F64, &real), 0);
    CHECK_NEAR(real, 0.25, 0);
    CHECK_EQ_INT(nn_h5_read(file, "zz/too_big", 0, 1, NN_I64, &value), NN_EFORMAT);
    CHECK_CONTAINS(nn_error_message(), "does not fit");
    CHECK_EQ_INT(nn_h5_read(file, "gz", 0, 3000, NN_I32, grid), 0);
    CHECK_EQ_INT(grid[2999][19], 59999);
    CHECK_EQ_INT(nn_h5_read(file, "gz", 950, 100, NN_I32, part), 0);
    CHECK(memcmp(part, grid[950], sizeof part) == 0);
    expect_refused(file, "text", "holds strings");
    expect_refused(file, "compound", "holds compounds");
    expect_refused(file, "complex", "holds compounds");
    expect_refused(file, "nothing", "is empty");
    expect_refused(file, "deep", "9 dimensions");
    expect_refused(file, "dangling", "no data set");
}

static void expect_text(nn_h5 *file, const char *attribute, const char *expected) {
    char *text = NULL;
    CHECK_EQ_INT(nn_h5_get_text(file, "/", attribute, &pool, &text), 0);
    CHECK_STR(text, expected);
}

static void texts(nn_h5 *file) {
    char *text = NULL, **list = NULL;
    size_t count = 0;
    CHECK_EQ_INT(nn_h5_read_text(file, "text", &pool, &text), 0);
    CHECK_STR(text, "gr\xc3\xbc\xc3\x9f dich");
    CHECK_EQ_INT(nn_h5_read_text(file, "fixed", &pool, &text), 0);
    CHECK_STR(text, "fixed");
    CHECK_EQ_INT(nn_h5_read_text(file, "words", &pool, &text), NN_EFORMAT);
    CHECK_EQ_INT(nn_h5_read_text(file, "zz/u16", &pool, &text), NN_EFORMAT);
    expect_text(file, "str", "ein \xe2\x9c\x93");
    expect_text(file, "bytes", "b");
    expect_text(file, "empty", "");
    CHECK_EQ_INT(nn_h5_get_text(file, "/", "overwritten", &pool, &text), 0);
    CHECK_EQ_INT(strlen(text), 5000);
    CHECK_EQ_INT(nn_h5_get_texts(file, "/", "classes", &pool, &list, &count), 0);
    CHECK_EQ_INT(count, 2);
    CHECK_STR(list[1], "virginica");
    CHECK_EQ_INT(nn_h5_get_texts(file, "/", "padded", &pool, &list, &count), 0);
    CHECK_EQ_INT(count, 2);
    CHECK_STR(list[1], "c");
}

static void attributes(nn_h5 *file) {
    int64_t value = 0;
    double mean[2];
    size_t count = 2;
    CHECK_EQ_INT(nn_h5_get_int(file, "/", "int", &value), 0);
    CHECK_EQ_INT(value, 200);
    CHECK_EQ_INT(nn_h5_get_int(file, "/", "flag", &value), 0);
    CHECK_EQ_INT(value, 1);
    CHECK_EQ_INT(nn_h5_get_reals(file, "/", "mean", mean, &count), 0);
    CHECK_EQ_INT(count, 2);
    CHECK_NEAR(mean[1], 0.5, 0);
    count = 1;
    CHECK_EQ_INT(nn_h5_get_reals(file, "/", "mean", mean, &count), NN_EFORMAT);
    CHECK_STR(nn_error_message(), "attribute 'mean' at '/' of 'py.h5' holds 2 numbers where at "
                                  "most 1 are needed");
}

enum { NAMES_SIZE = 256 };

static int note_name(void *ctx, const char *name, bool is_group) {
    char *names = ctx;
    size_t length = strlen(names);
    (void)is_group;
    snprintf(names + length, NAMES_SIZE - length, "%s ", name);
    return 0;
}

static void orders(nn_h5 *file) {
    char names[NAMES_SIZE] = "";
    CHECK_EQ_INT(nn_h5_list(file, "zz", note_name, names), 0);
    CHECK_STR(names, "big_endian bool half long_double too_big u16 u32 u64 ");
    names[0] = '\0';
    CHECK_EQ_INT(nn_h5_list(file, "tracked", note_name, names), 0);
    CHECK_STR(names, "b a ");
    names[0] = '\0';
    CHECK_EQ_INT(nn_h5_list(file, "/", note_name, names), 0);
    CHECK_CONTAINS(names, "dangling "); /* every link */
}

static void from_python(void) {
    nn_h5 *file = NULL;
    CHECK_EQ_INT(nn_h5_open("py.h5", &file), 0);
    numbers(file);
    texts(file);
    attributes(file);
    orders(file);
    CHECK_EQ_INT(nn_h5_close(file), 0);
}

static void to_python(void) {
    const char *const classes[] = {"a", "\xc3\xa9"};
    const int64_t dim[] = {2, 3};
    const float weight[] = {0, 1, 2, 3, 4, 5};
    const uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
    nn_h5 *file = NULL;
    CHECK_EQ_INT(nn_h5_create("ours.h5", &file), 0);
    CHECK_EQ_INT(nn_h5_set_text(file, "/", "format", "nnmpi-checkpoint"), 0);
    CHECK_EQ_INT(nn_h5_set_texts(file, "/", "classes", classes, 2), 0);
    CHECK_EQ_INT(nn_h5_set_int(file, "/", "version", 3), 0);
    CHECK_EQ_INT(nn_h5_set_real(file, "/", "lr", 0.1), 0);
    CHECK_EQ_INT(nn_h5_write_text(file, "config", "a: \xc3\xa9\n"), 0);
    CHECK_EQ_INT(nn_h5_write_text(file, "empty", ""), 0);
    CHECK_EQ_INT(nn_h5_write(file, "model/fc1/weight", NN_F32, 2, dim, 1, 0, weight), 0);
    CHECK_EQ_INT(nn_h5_write(file, "pixels", NN_U8, 2, dim, 2, 4, pixels), 0);
    CHECK_EQ_INT(nn_h5_close(file), 0);
    CHECK(python(reads));
}

int main(void) {
    char folder[] = "io_h5py.XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return 1;
    bool have_h5py = system("PATH=/usr/bin:$PATH python3 -c 'import h5py' 2>/dev/null") == 0;
    if (have_h5py && CHECK(python(writes))) {
        from_python();
        to_python();
    }
    nn_pool_release(&pool);
    if (system("rm -f program.py py.h5 ours.h5") != 0 || chdir("..") != 0 || rmdir(folder) != 0)
        return 1;
    if (!have_h5py) {
        printf("skipped: h5py is missing\n");
        return 77;
    }
    return check_done();
}
