/* Data sets in HDF5 of every kind that nnmpi reads or refuses, in the oldest format of files, which
 * has no checksums, and in a newer one. */
#include "sandbox.h"
#include "seeds.h"

#include <hdf5.h>
#include <stdint.h>
#include <stdio.h>

enum { ROWS = 8 };

static hid_t file;

/* An identifier, or a status, is no error. */
static hid_t ok(int64_t value) {
    sandbox_expect(value >= 0, "HDF5 writes the seeds");
    return value;
}

static void open_seed(const char *name, H5F_libver_t low) {
    hid_t access = ok(H5Pcreate(H5P_FILE_ACCESS));

    ok(H5Pset_libver_bounds(access, low, H5F_LIBVER_LATEST));
    file = ok(H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access));
    ok(H5Pclose(access));
}

/* A data set with zeros, or `data`, as `creation` says, which is closed. */
static void put(const char *name, hid_t type, int rank, const hsize_t *dim, hid_t creation,
                hid_t memory, const void *data) {
    hid_t links = ok(H5Pcreate(H5P_LINK_CREATE)), space = ok(H5Screate_simple(rank, dim, NULL));

    ok(H5Pset_create_intermediate_group(links, 1));
    hid_t id = ok(H5Dcreate2(file, name, type, space, links, creation, H5P_DEFAULT));
    if (data)
        ok(H5Dwrite(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
    ok(H5Dclose(id));
    ok(H5Sclose(space));
    ok(H5Pclose(links));
    if (creation != H5P_DEFAULT)
        ok(H5Pclose(creation));
}

static void put_numbers(const char *split, int columns, hid_t stored, hid_t creation) {
    const hsize_t dim[] = {ROWS, (hsize_t)columns};
    float x[ROWS * 16];
    char name[32];

    for (int i = 0; i < ROWS * columns; i++)
        x[i] = (float)(i % 7);
    snprintf(name, sizeof name, "/%s/x", split);
    put(name, stored, columns > 1 ? 2 : 1, dim, creation, H5T_NATIVE_FLOAT, x);
}

static void put_labels(const char *split, hid_t stored, hid_t creation) {
    const hsize_t dim[] = {ROWS};
    const int32_t y[ROWS] = {0, 1, 2, 0, 1, 2, 0, 1};
    char name[32];

    snprintf(name, sizeof name, "/%s/y", split);
    put(name, stored, 1, dim, creation, H5T_NATIVE_INT32, y);
}

static void put_attribute(const char *object, const char *name, hid_t type, hsize_t count,
                          const void *value) {
    hid_t space = ok(count > 0 ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR));
    hid_t id = ok(
        H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));

    ok(H5Awrite(id, type, value));
    ok(H5Aclose(id));
    ok(H5Sclose(space));
}

static hid_t text_type(size_t size) {
    hid_t type = ok(H5Tcopy(H5T_C_S1));

    ok(H5Tset_size(type, size));
    return type;
}

static hid_t chunked(int rank, const hsize_t *chunk) {
    hid_t creation = ok(H5Pcreate(H5P_DATASET_CREATE));

    ok(H5Pset_chunk(creation, rank, chunk));
    return creation;
}

static hid_t compact(void) {
    hid_t creation = ok(H5Pcreate(H5P_DATASET_CREATE));

    ok(H5Pset_layout(creation, H5D_COMPACT));
    return creation;
}

/* ---- the files ---- */

static void plain(void) {
    const double scale[] = {0.5, 2};
    const char *names[] = {"ape", "bee", "cat"};
    hid_t varying = text_type(H5T_VARIABLE), fixed = text_type(4);

    put_numbers("train", 2, H5T_IEEE_F32LE, H5P_DEFAULT);
    put_labels("train", H5T_STD_U8LE, H5P_DEFAULT);
    put_numbers("test", 2, H5T_IEEE_F64BE, H5P_DEFAULT);
    put_labels("test", H5T_STD_I64BE, H5P_DEFAULT);
    put_attribute("/", "classes", varying, 3, names);
    put_attribute("/train", "feature_names", fixed, 2, "one\0two");
    put_attribute("/test", "feature_names", fixed, 2, "one\0two");
    put_attribute("/train/x", "scale", H5T_NATIVE_DOUBLE, 2, scale);
    put_attribute("/train/x", "offset", H5T_NATIVE_DOUBLE, 0, scale);
    ok(H5Tclose(fixed));
    ok(H5Tclose(varying));
}

static void filtered(void) {
    const hsize_t rows = 4, chunk[] = {4, 2, 1, 2}, dim[] = {ROWS, 2, 2, 3}, row[] = {ROWS};
    hid_t shuffled = chunked(4, chunk), offset = chunked(1, &rows), bits = chunked(1, &rows);
    const char *id[ROWS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    hid_t varying = text_type(H5T_VARIABLE), fixed = text_type(13);
    unsigned char x[ROWS * 12];

    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (unsigned char)i;
    ok(H5Pset_shuffle(shuffled));
    ok(H5Pset_deflate(shuffled, 6));
    ok(H5Pset_fletcher32(shuffled));
    put("/train/x", H5T_STD_U8LE, 4, dim, shuffled, H5T_NATIVE_UINT8, x);
    ok(H5Pset_scaleoffset(offset, H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT));
    put_labels("train", H5T_STD_I32LE, offset);
    ok(H5Pset_nbit(bits));
    put("/train/w", H5T_IEEE_F32LE, 1, row, bits, H5T_NATIVE_UINT8, x);
    put("/train/id", varying, 1, row, chunked(1, &rows), varying, id);
    put_attribute("/", "layout", fixed, 0, "channels_last");
    ok(H5Tclose(fixed));
    ok(H5Tclose(varying));
}

static void odd_types(void) {
    const hsize_t dim[] = {ROWS, 2}, pair = 2;
    const unsigned char bytes[16 * ROWS] = {1};
    hid_t both = ok(H5Tcreate(H5T_COMPOUND, 16)),
          array = ok(H5Tarray_create2(H5T_STD_I16BE, 1, &pair));
    hid_t truth = ok(H5Tenum_create(H5T_STD_I8LE)), half = ok(H5Tcopy(H5T_IEEE_F32LE));
    const int8_t no = 0, yes = 1;

    ok(H5Tinsert(both, "a", 0, H5T_STD_I32LE));
    ok(H5Tinsert(both, "b", 8, H5T_IEEE_F64LE));
    ok(H5Tenum_insert(truth, "FALSE", &no));
    ok(H5Tenum_insert(truth, "TRUE", &yes));
    ok(H5Tset_fields(half, 15, 10, 5, 0, 10));
    ok(H5Tset_size(half, 2));
    ok(H5Tset_ebias(half, 15));
    put_numbers("train", 2, half, compact());
    put("/train/y", truth, 1, dim, compact(), truth, bytes);
    put("/train/both", both, 1, dim, H5P_DEFAULT, both, bytes);
    put("/train/array", array, 1, dim, H5P_DEFAULT, array, bytes);
    put("/train/len", H5T_STD_U16LE, 1, dim, H5P_DEFAULT, H5T_NATIVE_UINT16, bytes);
    ok(H5Tcommit2(file, "/train/type", truth, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    ok(H5Tclose(half));
    ok(H5Tclose(truth));
    ok(H5Tclose(array));
    ok(H5Tclose(both));
}

static void growing(void) {
    const hsize_t dim[] = {ROWS, 3}, most[] = {H5S_UNLIMITED, 3}, chunk[] = {4, 3};
    const int16_t x[ROWS * 3] = {1, -1, 300};
    hid_t creation = chunked(2, chunk), space = ok(H5Screate_simple(2, dim, most));
    hid_t group = ok(H5Gcreate2(file, "/train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    hid_t id = ok(H5Dcreate2(group, "x", H5T_STD_I16LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));

    ok(H5Dwrite(id, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, x));
    ok(H5Dclose(id));
    ok(H5Gclose(group));
    ok(H5Sclose(space));
    ok(H5Pclose(creation));
    put_labels("train", H5T_STD_I8LE, H5P_DEFAULT);
    put_labels("valid", H5T_STD_I8LE, H5P_DEFAULT);
    ok(H5Lcreate_hard(file, "/train/x", file, "/valid/x", H5P_DEFAULT, H5P_DEFAULT));
}

/* A text, whose vocabulary has a token of two bytes. */
static void tokens(void) {
    const hsize_t dim[] = {3 * ROWS};
    const uint8_t token[3 * ROWS] = {1, 2, 3, 1, 2, 3, 0, 2, 1};
    const char *names[] = {"<unk>", "a", "b", "\xc3\xa9"}, *kind = "chars";
    const int64_t context = 4;
    hid_t varying = text_type(H5T_VARIABLE);

    put("/train/tokens", H5T_STD_U8LE, 1, dim, H5P_DEFAULT, H5T_NATIVE_UINT8, token);
    put("/valid/tokens", H5T_STD_U16BE, 1, dim, compact(), H5T_NATIVE_UINT8, token);
    put_attribute("/", "tokens", varying, 0, &kind);
    put_attribute("/", "classes", varying, 4, names);
    put_attribute("/", "context", H5T_NATIVE_INT64, 0, &context);
    ok(H5Tclose(varying));
}

/* What stands in other files. */
static void leading_out(void) {
    const hsize_t dim[] = {ROWS};
    hid_t elsewhere = ok(H5Pcreate(H5P_DATASET_CREATE));

    put_labels("train", H5T_STD_I8LE, H5P_DEFAULT);
    ok(H5Lcreate_external("other.h5", "/train/x", file, "/train/x", H5P_DEFAULT, H5P_DEFAULT));
    ok(H5Pset_external(elsewhere, "other.raw", 0, ROWS * sizeof(float)));
    put("/valid/x", H5T_IEEE_F32LE, 1, dim, elsewhere, H5T_NATIVE_FLOAT, NULL);
    ok(H5Lcreate_external("other.h5", "/", file, "/there", H5P_DEFAULT, H5P_DEFAULT));
    ok(H5Lcreate_soft("/there/train", file, "/test", H5P_DEFAULT, H5P_DEFAULT));
}

static void virtual(void) {
    const hsize_t dim[] = {ROWS};
    hid_t creation = ok(H5Pcreate(H5P_DATASET_CREATE)), space = ok(H5Screate_simple(1, dim, NULL));

    ok(H5Pset_virtual(creation, space, "other.h5", "/train/x", space));
    put("/train/x", H5T_IEEE_F32LE, 1, dim, creation, H5T_NATIVE_FLOAT, NULL);
    put_labels("train", H5T_STD_I8LE, H5P_DEFAULT);
    ok(H5Sclose(space));
}

static void references(void) {
    const hsize_t dim[] = {1};
    hobj_ref_t object;

    put_numbers("train", 2, H5T_IEEE_F32LE, H5P_DEFAULT);
    put_labels("train", H5T_STD_U16LE, H5P_DEFAULT);
    ok(H5Rcreate(&object, file, "/train/x", H5R_OBJECT, H5I_INVALID_HID));
    put("/train/refers", H5T_STD_REF_OBJ, 1, dim, H5P_DEFAULT, H5T_STD_REF_OBJ, &object);
    ok(H5Lcreate_soft("/train", file, "/train/loop", H5P_DEFAULT, H5P_DEFAULT));
    ok(H5Lcreate_hard(file, "/train", file, "/train/itself", H5P_DEFAULT, H5P_DEFAULT));
}

void seeds_hdf5(void) {
    static const struct {
        const char *name;
        void (*write)(void);
        H5F_libver_t least;
    } all[] = {
        {"plain", plain, H5F_LIBVER_EARLIEST},
        {"filtered", filtered, H5F_LIBVER_EARLIEST},
        {"odd-types", odd_types, H5F_LIBVER_EARLIEST},
        {"growing", growing, H5F_LIBVER_EARLIEST},
        {"tokens", tokens, H5F_LIBVER_EARLIEST},
        {"leading-out", leading_out, H5F_LIBVER_EARLIEST},
        {"virtual", virtual, H5F_LIBVER_V110},
        {"references", references, H5F_LIBVER_EARLIEST},
    };
    static const H5F_libver_t formats[] = {H5F_LIBVER_EARLIEST, H5F_LIBVER_V18, H5F_LIBVER_V110};
    char name[64];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
            if (formats[f] < all[i].least)
                continue;
            snprintf(name, sizeof name, "%s-%zu.h5", all[i].name, f);
            open_seed(name, formats[f]);
            all[i].write();
            ok(H5Fclose(file));
        }
    }
}
