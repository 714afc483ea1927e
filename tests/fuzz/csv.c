/* CSV files: a letter that chooses how they are read, then the file. Without an option for columns
 * it is read as a list of edges. */
#include "data/edge_list.h"
#include "data/importers/csv_columns.h"
#include "data/importers/importer.h"
#include "data/sources/open.h"
#include "sandbox.h"
#include "target.h"

/* [a, b=x, {c: [0.5, -1]}] */
static nn_node scalars[] = {{.text = "a"}, {.text = "b=x"}, {.text = "0.5"}, {.text = "-1"}};
static nn_node pair = {
    .kind = NN_NODE_LIST, .key = "c", .count = 2, .item = (nn_node *[]){&scalars[2], &scalars[3]}};
static nn_node scaled = {.kind = NN_NODE_MAP, .count = 1, .item = (nn_node *[]){&pair}};
static const nn_node columns = {
    .kind = NN_NODE_LIST, .count = 3, .item = (nn_node *[]){&scalars[0], &scalars[1], &scaled}};

static const nn_csv_options ways[] = {
    {.label = "-1"},
    {.label = "species"},
    {.label = "1", .header = NN_CSV_HEADER_NO},
    {.label = "2", .header = NN_CSV_HEADER_YES, .drop = "1"},
    {.target = "1"},
    {.target = "2,-1", .drop = "3"},
    {.unlabelled = true},
    {.unlabelled = true, .delimiter = 1},
    {.label = "-1", .delimiter = 2},
    {.label = "-1", .delimiter = 3},
    {.label = "-1", .delimiter = 4},
    {.label = NULL},
    {.label = "-1", .missing = NN_CSV_MISSING_MEAN, .categories = "1"},
    {.target = "1", .missing = NN_CSV_MISSING_DROP, .standardize = true},
    {.unlabelled = true, .columns = &columns},
};
enum { WAYS = sizeof ways / sizeof *ways };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    sandbox_enter();
    return 0;
}

static void read_edges(void) {
    nn_pool pool = {0};
    nn_node *edges = nn_node_scalar(&pool, "input.csv");

    if (edges)
        (void)nn_edge_list_read(edges);
    nn_pool_release(&pool);
}

static void import(nn_csv_options options) {
    nn_dataset *ds;

    options.path = "input.csv";
    if (nn_importer_csv.run(&options, "output.h5") < 0)
        return;
    sandbox_expect(nn_dataset_open_path("output.h5", &ds) == 0, "what was imported can be read");
    nn_dataset_close(ds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    const nn_csv_options *way = &ways[(data[0] + WAYS - 'a' % WAYS) % WAYS];
    sandbox_put("input.csv", data + 1, size - 1);
    sandbox_watch(true);
    if (way->label || way->target || way->unlabelled)
        import(*way);
    else
        read_edges();
    sandbox_watch(false);
    return 0;
}
