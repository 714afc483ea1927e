/* CSV: what is a label, a name, a number; and the place of everything that is wrong. */
#include "data/importers/csv_reader.h"
#include "data/importers/importer.h"
#include "data/loader/loader.h"
#include "data/sources/open.h"
#include "data_files.h"

static int import_csv(const char *text, nn_csv_options options) {
    put_text("t.csv", text);
    options.path = "t.csv";
    return nn_importer_csv.run(&options, "t.h5");
}

#define IMPORT(text, ...) import_csv((text), (nn_csv_options){__VA_ARGS__})

static void check_labels(const nn_h5_info *info, const char *expected) {
    nn_h5 *file;
    int32_t y[16];

    CHECK_WORKS(nn_h5_open("t.h5", &file));
    CHECK_WORKS(nn_h5_read(file, "/train/y", 0, info->dim[0], NN_I32, y));
    for (int64_t i = 0; i < info->dim[0]; i++)
        CHECK_EQ_INT(y[i], expected[i] - '0');
    CHECK_WORKS(nn_h5_close(file));
}

/* The classes that came out, each row's digit in `rows`, and their names or "". */
static void check_classes(const char *rows, const char *names) {
    nn_dataset *ds;
    char found[200] = "";

    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    if (!ds)
        return;
    for (int64_t c = 0; ds->class_names && c < ds->classes; c++) {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%s", c ? "," : "", ds->class_names[c]);
    }
    CHECK_STR(found, names);
    CHECK_EQ_INT(ds->split[0].samples, strlen(rows));
    check_labels(&(nn_h5_info){.dim = {ds->split[0].samples}}, rows);
    nn_dataset_close(ds);
}

static void check_x(int64_t rows, int64_t columns, const float *expected) {
    nn_h5 *file;
    nn_h5_info info;
    float x[64];

    CHECK_WORKS(nn_h5_open("t.h5", &file));
    CHECK_WORKS(nn_h5_info_of(file, "/train/x", &info));
    CHECK_EQ_INT(info.type, NN_F32);
    if (CHECK_EQ_INT(info.dim[0], rows) && CHECK_EQ_INT(info.dim[1], columns)) {
        CHECK_WORKS(nn_h5_read(file, "/train/x", 0, rows, NN_F32, x));
        for (int64_t i = 0; i < rows * columns; i++)
            CHECK_NEAR(x[i], expected[i], 0);
    }
    CHECK_WORKS(nn_h5_close(file));
}

static void labels(void) {
    CHECK_WORKS(IMPORT("a,b,kind\n1,2,dog\n3,4,cat\n5,6,dog\n", .label = "kind"));
    check_classes("010", "dog,cat");
    check_x(3, 2, (float[]){1, 2, 3, 4, 5, 6});
    CHECK_WORKS(IMPORT("1,2,dog\n3,4,cat\n", .label = "-1"));
    check_classes("01", "dog,cat");
    CHECK_WORKS(IMPORT("k,a\n2,1\n0,1\n1,1\n", .label = "1"));
    check_classes("201", "");
    CHECK_WORKS(IMPORT("k,a\n1,1\n-1,1\n", .label = "k")); /* in order of value */
    check_classes("10", "-1,1");
    CHECK_WORKS(IMPORT("k,a\n7,1\n10,1\n9,1\n", .label = "k"));
    check_classes("021", "7,9,10");
}

static void texts(void) {
    /* byte order mark, CR LF, quotes, blanks, blank lines, no line end at the end */
    CHECK_WORKS(IMPORT("\xef\xbb\xbf\"a \"\"1\"\"\",k\r\n 1.5 ,\"x, y\"\r\n\r\n-2e1,\"z\nz\"",
                       .label = "k"));
    check_classes("01", "x, y,z\nz");
    check_x(2, 1, (float[]){1.5f, -20});
    CHECK_WORKS(IMPORT("a;b;k\n1;2;0\n3;4;1\n", .label = "k", .delimiter = 2, .drop = "a"));
    check_x(2, 1, (float[]){2, 4});
    CHECK_WORKS(IMPORT("0,1,2\n1,2,1\n3,4,0\n", .label = "2", .header = 1));
    check_classes("10", "");
    CHECK_WORKS(IMPORT("0,1\n1,0\n", .label = "2", .header = 2));
    check_classes("10", "");
}

static void targets(void) {
    nn_dataset *ds;

    CHECK_WORKS(IMPORT("a,t,u\n1,2,3\n4,5,6\n", .target = "t"));
    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    CHECK_EQ_INT(ds->split[0].y.type, NN_F32);
    CHECK_EQ_INT(ds->split[0].y.shape.rank, 0);
    nn_dataset_close(ds);
    check_x(2, 2, (float[]){1, 3, 4, 6});
    CHECK_WORKS(IMPORT("a,t,u\n1,2,3\n4,5,6\n", .target = "t,u"));
    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    CHECK_EQ_INT(ds->split[0].y.shape.dim[0], 2);
    nn_dataset_close(ds);
    CHECK_WORKS(IMPORT("a,t,u\n1,2,3\n4,5,6\n", .unlabelled = true));
    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    CHECK(!ds->split[0].has_y);
    nn_dataset_close(ds);
}

static void places(void) {
    CHECK_FAILS(IMPORT("a,b,k\n1,2,x\n3,four,y\n", .label = "k"), NN_EFORMAT,
                "t.csv:3:3: column 'b': 'four' is no number");
    CHECK_FAILS(IMPORT("a,b,k\n\n1,,x\n", .label = "k"), NN_EFORMAT,
                "t.csv:3:3: column 'b' is empty");
    CHECK_FAILS(IMPORT("a,k\n1,x\nnan,x\n", .label = "k"), NN_EFORMAT, "t.csv:3:1: column 'a'");
    CHECK_FAILS(IMPORT("a,k\n1e39,x\n", .label = "k"), NN_EFORMAT, "float32");
    CHECK_FAILS(IMPORT("a,k\n1,\n", .label = "k"), NN_EFORMAT, "t.csv:2:3: the label 'k' is empty");
    CHECK_FAILS(IMPORT("a,b,k\n1,2,x\n1,x\n", .label = "k"), NN_EFORMAT,
                "t.csv:3:3: 2 columns, but the header names 3");
    CHECK_FAILS(IMPORT("a,b,k\n1,2,x,9\n", .label = "k"), NN_EFORMAT, "t.csv:2:7: 4 columns");
    CHECK_FAILS(IMPORT("a,k\n\"1\n1\",x\n2,\"y\"z\n", .label = "k"), NN_EFORMAT, "t.csv:4:6: ");
    CHECK_FAILS(IMPORT("a,k\n1,x\n2,\"y\n3,z\n", .label = "k"), NN_EFORMAT,
                "t.csv:3:3: the quote that opens here is never closed");
    CHECK_FAILS(IMPORT("a,k\r\n1,x\r\n\r\n  \r\ntwo,x\r\n", .label = "k"), NN_EFORMAT,
                "t.csv:5:1: column 'a'");
    CHECK_FAILS(IMPORT("a,k\r1,x\rtwo,x\r", .label = "k"), NN_EFORMAT, "t.csv:3:1: column 'a'");
    CHECK_FAILS(IMPORT("", .label = "k"), NN_EFORMAT, "t.csv: no rows of data");
    CHECK_FAILS(IMPORT("a,k\n", .label = "k"), NN_EFORMAT, "t.csv: no rows of data");
}

static void options(void) {
    nn_csv_options none = {.path = "none.csv", .label = "1"};

    CHECK_FAILS(IMPORT("a,kind\n1,x\n", .label = "kidn"), NN_EUSAGE, "did you mean 'kind'?");
    CHECK_FAILS(IMPORT("a,kind\n1,x\n", .label = "3"), NN_EUSAGE, "no column '3'");
    CHECK_FAILS(IMPORT("a,kind\n1,x\n", .label = "2", .drop = "kind"), NN_EUSAGE, "named twice");
    CHECK_FAILS(IMPORT("y,b,y\n1,2,3\n", .label = "y"), NN_EUSAGE,
                "columns 1 and 3 are both called 'y'");
    CHECK_FAILS(IMPORT("a,kind\n1,x\n", .label = "2", .drop = "a"), NN_EUSAGE, "no column is left");
    CHECK_FAILS(IMPORT("a,kind\n1,x\n", .label = NULL), NN_EUSAGE, "give label: COLUMN");
    CHECK_FAILS(IMPORT("a,kind\n1,x\n", .label = "1", .target = "2"), NN_EUSAGE, "one answer");
    CHECK_FAILS(nn_importer_csv.run(&none, "t.h5"), NN_EFORMAT, "none.csv: cannot be opened");
}

/* A failed import leaves what stood there, and no temporary file. */
static void durable(void) {
    CHECK_WORKS(IMPORT("a,k\n1,x\n2,y\n", .label = "k"));
    CHECK_FAILS(IMPORT("a,k\n1,x\nzwei,y\n", .label = "k"), NN_EFORMAT, "t.csv:3:1");
    check_x(2, 1, (float[]){1, 2});
    CHECK_EQ_INT(system("test $(ls -A | wc -l) = 2"), 0);
}

/* More than one piece in memory. */
static void large(void) {
    FILE *f = fopen("large.csv", "w");
    nn_dataset *ds;
    nn_loader *loader;
    nn_batch batch;
    nn_loader_spec spec = {.split = "train"};

    fprintf(f, "a,t\n");
    for (int i = 0; i < 600000; i++)
        fprintf(f, "%d,%d\n", i, 2 * i);
    fclose(f);
    CHECK_WORKS(open_yaml("{source: csv, path: large.csv, target: t}", &ds));
    CHECK_STR(ds->path, "large.csv");
    spec.dataset = ds;
    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
    CHECK_EQ_INT(batch.count, 600000);
    for (size_t i = 0; i < batch.count; i += 997) {
        CHECK_NEAR(batch.x[i], i, 0);
        CHECK_NEAR(batch.target.value[i], 2 * i, 0);
    }
    nn_loader_free(loader);
    nn_dataset_close(ds);
}

int main(void) {
    enter_folder();
    labels();
    texts();
    targets();
    places();
    options();
    durable();
    large();
    leave_folder();
    return check_done();
}
