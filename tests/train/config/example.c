/* Every example that help shows is one: it parses, names what it is said to be about, and its
 * values are taken. */
#include "check.h"
#include "data/dataset.h"
#include "data/sources/sources.h"
#include "io/yaml/yaml.h"
#include "nn/model.h"
#include "train/config/places.h"

#include <stdlib.h>
#include <string.h>

static int count;

static bool has(const char *text, const char *key) {
    return strncmp(text, key, strlen(key)) == 0;
}

/* A model of the layers can be made for one of these inputs. */
static bool plans(nn_node *model) {
    static const nn_shape inputs[] = {
        {1, {8}}, {3, {4, 8, 8}}, {2, {6, 4}}, {1, {12}}, {4, {4, 8, 8, 8}}};
    bool made = false;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs && !made; i++) {
        nn_model *found = NULL;
        made = nn_model_plan(model, inputs[i], NULL, &found) == 0;
        nn_model_free(found);
    }
    return made;
}

static void check_data(const nn_place *place, const nn_node *data) {
    static const char *const also[] = {"source", NULL};
    char memory[4096];
    nn_data_settings settings;
    nn_binding bindings[] = {{nn_data_options, &settings}, {NULL, memory}};
    const nn_node *source = nn_node_get(data, "source");
    const nn_entry *row = nn_family_find(&nn_sources, source ? source->text : "hdf5");

    if (!CHECK(row) || !CHECK(row->size <= sizeof memory))
        return;
    bindings[1].table = row->options;
    if (nn_options_bind(bindings, 2, (nn_node *)data, "data", also) < 0)
        fprintf(stderr, "%s: %s\n", place->path, nn_error_message());
    CHECK_EQ_INT(nn_options_bind(bindings, 2, (nn_node *)data, "data", also), 0);
}

/* The example with what a configuration needs besides. */
static void check_config(const nn_place *place, const char *example) {
    char text[4096];
    nn_config *config = NULL;

    snprintf(text, sizeof text, "%s%s%s%s", example,
             has(example, "data:") ? "" : "data: {source: iris}\n",
             has(example, "model:") ? "" : "model: [dense: {units: 3}]\n",
             has(example, "loss:")            ? ""
             : strstr(example, "no_mistakes") ? "loss: hinge\n"
                                              : "loss: cross_entropy\n");
    int rc = nn_config_parse(place->path, text, strlen(text), &config);
    if (rc == 0 && !strstr(example, "batch_size"))
        rc = nn_config_override(config, "train.batch_size=30");
    if (rc == 0)
        rc = nn_config_check(config);
    bool fits = CHECK_EQ_INT(rc, 0) &&
                (!has(example, "model:") || CHECK(plans(nn_config_settings(config)->model)));
    if (!fits)
        fprintf(stderr, "%s: %s\n%s", place->path, nn_error_message(), example);
    else if (has(example, "data:"))
        check_data(place, nn_config_settings(config)->data);
    nn_config_free(config);
}

static void check_place(void *ctx, const nn_place *place) {
    char text[2048] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)ctx;
    if (!CHECK(out))
        return;
    nn_place_example(out, place, 0);
    fclose(out);
    count++;
    if (place->option && !CHECK(strstr(text, place->option->key) || has(text, "nnmpi data")))
        fprintf(stderr, "%s: %s", place->path, text);
    if (!CHECK(!strstr(text, ": }") && !strstr(text, ": ,") && !strstr(text, "  -O")))
        fprintf(stderr, "%s needs a value in the table of example.c: %s", place->path, text);
    if (!has(text, "nnmpi data"))
        check_config(place, text);
}

static void count_matches(void *ctx, const nn_place *place) {
    const char **topic = ctx;

    count += nn_place_matches(place, *topic);
}

static int matches(const char *topic) {
    count = 0;
    nn_places_visit(count_matches, &topic);
    return count;
}

int main(void) {
    nn_places_visit(check_place, NULL);
    CHECK(count > 200);
    CHECK_EQ_INT(matches("train.optimizer.sgd.lr"), 1);
    CHECK_EQ_INT(matches("sgd.lr"), 1);
    CHECK_EQ_INT(matches("train.lr"), 1);
    CHECK(matches("lr") > 3);
    CHECK_EQ_INT(matches("dense.activation"), 1);
    CHECK_EQ_INT(matches("nothing.activation"), 0);
    CHECK_EQ_INT(matches("data.normalize"), 1);
    CHECK_EQ_INT(matches("q"), 0);
    CHECK_EQ_INT(matches(""), 0);
    return check_done();
}
