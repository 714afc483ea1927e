#include "data/sources/open.h"
#include "data/sources/sources.h"
#include "io/yaml/yaml.h"
#include "nn/model.h"
#include "train/config/settings.h"

#include <string.h>

struct nn_config {
    nn_pool pool;
    nn_node *root;
    const char *name;     /* "iris" */
    const char *folder;   /* of the file, "" for the working folder */
    bool checked;         /* and nothing overridden since */
    const char *text;     /* as YAML; NULL: not asked for since it changed */
    const nn_data *given; /* by nn_config_use_data */
    nn_settings settings;
};

/* ---- loading --------------------------------------------------------------------------------- */

/* "datasets/iris/iris.yaml" is called "iris" and stands in "datasets/iris". */
static int name_after(nn_config *config, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t length = dot && dot != base ? (size_t)(dot - base) : strlen(base);

    config->name = nn_pool_printf(&config->pool, "%.*s", (int)length, base);
    config->folder = nn_pool_printf(&config->pool, "%.*s", slash ? (int)(slash - path) : 0, path);
    return config->name && config->folder ? NN_OK : NN_EMEMORY;
}

/* Takes over `config`: returns it, or frees it when `rc` or its contents say so. */
static int config_finish(nn_config *config, const char *path, int rc, nn_config **out) {
    if (rc == NN_OK)
        rc = name_after(config, path);
    if (rc == NN_OK && config->root->kind != NN_NODE_MAP)
        rc = nn_node_fail(config->root, "a configuration is a map with the keys data, model, "
                                        "loss, train ...");
    if (rc == NN_OK)
        *out = config;
    else
        nn_config_free(config);
    return rc;
}

int nn_config_load(const char *path, nn_config **out) {
    nn_config *config;

    *out = NULL;
    NN_TRY(NN_NEW(&config, 1, "configuration"));
    return config_finish(config, path, nn_yaml_load(&config->pool, path, &config->root), out);
}

int nn_config_parse(const char *name, const char *text, size_t length, nn_config **out) {
    nn_config *config;
    int rc;

    *out = NULL;
    NN_TRY(NN_NEW(&config, 1, "configuration"));
    rc = nn_yaml_parse(&config->pool, name, text, length, &config->root);
    return config_finish(config, name, rc, out);
}

int nn_config_new(const char *name, nn_config **out) {
    return nn_config_parse(name, "{}", 2, out);
}

int nn_config_default(nn_config **out) {
    return nn_config_parse("iris.yaml", nn_default_config, strlen(nn_default_config), out);
}

void nn_config_free(nn_config *config) {
    if (!config)
        return;
    nn_pool_release(&config->pool);
    nn_free(config);
}

/* ---- overriding ------------------------------------------------------------------------------ */

/* A key of a section that was named without it. NULL: none is meant. */
static const char *section_of(const nn_config *config, const char *key) {
    if (strchr(key, '.') || nn_node_get(config->root, key))
        return NULL;
    for (const nn_option *o = nn_section_find("")->options; o->key; o++)
        if (strcmp(o->key, key) == 0)
            return NULL;
    for (const nn_section *s = nn_sections; s->name; s++)
        for (const nn_option *o = s->options; *s->name && o->key; o++)
            if (strcmp(o->key, key) == 0)
                return s->name;
    return NULL;
}

static int set_key(nn_config *config, const char *key, nn_node *value) {
    config->checked = false;
    config->text = NULL;
    NN_TRY(nn_node_set(config->root, key, value));
    return NN_OK;
}

int nn_config_override(nn_config *config, const char *assignment) {
    const char *equals = strchr(assignment, '=');
    char *key, *place;
    nn_node *value;

    if (!equals || equals == assignment)
        return nn_fail(NN_EUSAGE, "-o %s: write it as key=value, e.g. -o train.lr=0.1", assignment);
    key = nn_pool_printf(&config->pool, "%.*s", (int)(equals - assignment), assignment);
    place = key ? nn_pool_printf(&config->pool, "-o %s", key) : NULL;
    if (!place)
        return NN_EMEMORY;
    const char *section = section_of(config, key);
    if (section)
        return nn_fail(NN_EUSAGE, "-o %s: the key stands in a section: -o %s.%s", key, section,
                       assignment);
    NN_TRY(nn_yaml_parse(&config->pool, place, equals + 1, strlen(equals + 1), &value));
    nn_node_forget_lines(value); /* of the command line */
    NN_TRY(set_key(config, key, value));
    return NN_OK;
}

int nn_config_set_data(nn_config *config, const char *path, const nn_like *like) {
    nn_like all = *like;
    nn_node *data;

    all.data = nn_node_get(config->root, "data");
    NN_TRY(nn_dataset_node(&config->pool, path, &all, &data));
    return set_key(config, "data", data);
}

/* {source: memory}, and what the section says of data from anywhere. */
static int memory_node(nn_config *config, nn_node **out) {
    const nn_node *before = nn_node_get(config->root, "data");

    *out = nn_node_map(&config->pool);
    NN_TRY(*out ? nn_node_add_text(*out, "source", nn_source_memory.entry.name) : NN_EMEMORY);
    for (const nn_option *o = nn_data_options; o->key; o++) {
        nn_node *value = nn_node_get(before, o->key);
        if (value)
            NN_TRY(nn_node_add(*out, o->key, value));
    }
    return NN_OK;
}

int nn_config_use_data(nn_config *config, const nn_data *data) {
    nn_node *node;

    NN_TRY(memory_node(config, &node));
    NN_TRY(set_key(config, "data", node));
    config->given = data;
    return NN_OK;
}

int nn_config_use_model(nn_config *config, const nn_model *model) {
    nn_node *layers;

    if (!model)
        return nn_fail(NN_EUSAGE, "nn_config_use_model: there is no model");
    layers = nn_node_copy(&config->pool, nn_model_description(model));
    NN_TRY(layers ? set_key(config, "model", layers) : NN_EMEMORY);
    return NN_OK;
}

static int check_as(nn_config *config, bool stored) {
    nn_settings settings = {0};

    if (config->checked)
        return NN_OK;
    NN_TRY(nn_settings_check(config->root, config->folder, stored, &settings));
    settings.given = config->given;
    config->settings = settings;
    config->checked = true;
    config->text = NULL;
    return NN_OK;
}

int nn_config_check(nn_config *config) {
    return check_as(config, false);
}

/* The data set, where the section is right, and what the model makes of it. */
static int check_data_and_model(const nn_config *config, nn_node *model) {
    const nn_loss_ops *loss = NULL;
    nn_node *data = nn_node_get(config->root, "data"), *node = nn_node_get(config->root, "loss");
    nn_dataset *dataset = NULL;
    nn_model *planned = NULL;
    int rc =
        data && data->kind == NN_NODE_MAP ? nn_dataset_open(data, config->given, &dataset) : NN_OK;
    if (rc == NN_OK && node)
        rc = nn_loss_pick(node, &loss);
    if (rc == NN_OK && dataset && loss && model)
        rc = nn_model_plan(model, dataset->split[0].x.shape, loss->fuses, &planned);
    nn_model_free(planned);
    nn_dataset_close(dataset);
    return rc;
}

int nn_config_check_all(nn_config *config, nn_error_list *list) {
    nn_node *model = nn_node_get(config->root, "model");
    int rc = NN_OK;
    nn_error_gather(list);
    int checked = nn_config_check(config);
    if (checked < 0 && nn_error_keep(checked))
        rc = checked;
    int layers = model && model->kind == NN_NODE_LIST ? nn_model_check(model) : NN_OK;
    if (checked < 0 || layers < 0) { /* else opening the training says the rest */
        rc = checked < 0 ? checked : layers;
        checked = check_data_and_model(config, layers < 0 ? NULL : model);
        if (checked < 0)
            (void)nn_error_keep(checked);
    }
    nn_error_gather(NULL);
    return rc;
}

int nn_config_check_stored(nn_config *config) {
    return check_as(config, true);
}

/* ---- what it says ---------------------------------------------------------------------------- */

const nn_settings *nn_config_settings(const nn_config *config) {
    return &config->settings;
}

const char *nn_config_text(nn_config *config) {
    char *text;

    if (!config->text && nn_yaml_emit(&config->pool, config->root, &text) == NN_OK)
        config->text = text;
    return config->text;
}

const char *nn_config_name(const nn_config *config) {
    return config->name;
}
