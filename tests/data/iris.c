/* The built-in irises are those of datasets/iris/iris.csv, with 30 of them, of each species alike,
 * to test. */
#include "data/loader/loader.h"
#include "data_files.h"

#define ROWS 150

typedef struct iris {
    float x[4];
    int kind;
} iris;

static const char *const kinds[] = {"setosa", "versicolor", "virginica"};

static int read_csv(iris rows[ROWS]) {
    char path[1024], name[32];
    const char *source = getenv("SOURCE_DIR");
    int n = 0;

    snprintf(path, sizeof path, "%s/datasets/iris/iris.csv", source ? source : ".");
    FILE *f = fopen(path, "r");
    if (!CHECK(f != NULL))
        return 0;
    CHECK(fscanf(f, "%*[^\n]\n") == 0);
    while (n < ROWS && fscanf(f, "%f,%f,%f,%f,%31s", &rows[n].x[0], &rows[n].x[1], &rows[n].x[2],
                              &rows[n].x[3], name) == 5) {
        rows[n].kind = -1;
        for (int k = 0; k < 3; k++)
            if (strcmp(name, kinds[k]) == 0)
                rows[n].kind = k;
        n++;
    }
    fclose(f);
    return n;
}

static void check_sums(const iris rows[ROWS]) {
    const double expected[4] = {876.5, 458.6, 563.7, 179.9};

    for (int e = 0; e < 4; e++) {
        double sum = 0;
        for (int i = 0; i < ROWS; i++)
            sum += (double)rows[i].x[e];
        CHECK_NEAR(sum, expected[e], 1e-4);
    }
    CHECK_NEAR(rows[0].x[0], 5.1f, 0);
    CHECK_NEAR(rows[149].x[3], 1.8f, 0);
}

/* Rows [from, from + of_each) of each kind, in order. */
static void check_split(const nn_dataset *ds, const char *name, const iris *rows, int from,
                        int of_each) {
    nn_loader_spec spec = {.dataset = ds, .split = name};
    nn_loader *loader;
    nn_batch batch;

    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_EQ_INT(nn_loader_samples(loader), 3 * of_each);
    CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
    CHECK_EQ_INT(batch.count, 3 * of_each);
    for (int i = 0; i < 3 * of_each; i++) {
        const iris *row = &rows[i / of_each * 50 + from + i % of_each];
        CHECK_EQ_INT(batch.target.label[i], row->kind);
        for (int e = 0; e < 4; e++)
            CHECK_NEAR(batch.x[i * 4 + e], row->x[e], 0);
    }
    nn_loader_free(loader);
}

int main(void) {
    static iris rows[ROWS];
    nn_dataset *ds;

    CHECK_EQ_INT(read_csv(rows), ROWS);
    check_sums(rows);
    CHECK_WORKS(open_yaml("{source: iris}", &ds));
    if (!ds)
        return check_done();
    CHECK_EQ_INT(ds->classes, 3);
    for (int k = 0; k < 3; k++)
        CHECK_STR(ds->class_names[k], kinds[k]);
    check_split(ds, "train", rows, 0, 40);
    check_split(ds, "test", rows, 40, 10);
    CHECK(nn_dataset_split(ds, "valid") == NULL);
    nn_dataset_close(ds);
    return check_done();
}
