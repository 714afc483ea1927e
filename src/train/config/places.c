#include "train/config/places.h"

#include "data/augment/augment.h"
#include "data/dataset.h"
#include "data/importers/importer.h"
#include "data/sources/make.h"
#include "data/sources/sources.h"
#include "nn/initializers/initializer.h"
#include "nn/layers/layer.h"

#include <stdio.h>
#include <string.h>

const nn_family_place nn_family_places[] = {
    {&nn_layers, "model", nn_layer_options, false},
    {&nn_losses, "loss", nn_loss_options, false},
    {&nn_metrics, "validate.metrics", NULL, false},
    {&nn_optimizers, "train.optimizer", NULL, false},
    {&nn_schedules, "train.schedule", NULL, false},
    {&nn_initializers, "model.init", NULL, false},
    {&nn_sources, "data", nn_data_options, true},
    {&nn_augmentations, "data.augment", NULL, false},
    {&nn_importers, "data.import", NULL, false},
    {&nn_generators, "data.make", NULL, false},
    {NULL, NULL, NULL, false},
};

typedef struct visitor {
    void (*visit)(void *ctx, const nn_place *place);
    void *ctx;
} visitor;

static void visit_section(const visitor *v, const nn_section *section) {
    for (const nn_option *o = section->options; o->key; o++) {
        nn_place place = {.section = section, .option = o};
        snprintf(place.path, sizeof place.path, "%s%s%s", section->name, *section->name ? "." : "",
                 o->key);
        v->visit(v->ctx, &place);
    }
}

nn_place nn_place_of_row(const nn_family_place *family, const nn_entry *row) {
    nn_place place = {.family = family, .row = row};

    snprintf(place.path, sizeof place.path, "%s.%s", family->path, row->name);
    return place;
}

static void visit_row(const visitor *v, const nn_family_place *family, const nn_entry *row) {
    nn_place place = nn_place_of_row(family, row);

    v->visit(v->ctx, &place);
    for (const nn_option *o = row->options; o && o->key; o++) {
        place.option = o;
        snprintf(place.path, sizeof place.path, "%s.%s.%s", family->path, row->name, o->key);
        if (family->beside)
            snprintf(place.brief, sizeof place.brief, "%s.%s", family->path, o->key);
        v->visit(v->ctx, &place);
    }
}

static void visit_family(const visitor *v, const nn_family_place *family) {
    for (const nn_option *o = family->common; o && o->key; o++) {
        nn_place place = {.family = family, .option = o};
        snprintf(place.path, sizeof place.path, "%s%s.%s", family->path, family->beside ? "" : ".*",
                 o->key);
        v->visit(v->ctx, &place);
    }
    for (const nn_entry *const *row = family->family->rows; *row; row++)
        visit_row(v, family, *row);
}

void nn_places_visit(void (*visit)(void *ctx, const nn_place *place), void *ctx) {
    visitor v = {visit, ctx};

    for (const nn_section *s = nn_sections; s->name; s++)
        visit_section(&v, s);
    for (const nn_family_place *f = nn_family_places; f->family; f++)
        visit_family(&v, f);
}

/* Where the last of the first `length` characters' components begins. */
static size_t last_component(const char *path, size_t length) {
    while (length > 0 && path[length - 1] != '.')
        length--;
    return length;
}

static bool same_component(const nn_place *place, const char *a, size_t n, const char *b,
                           size_t m) {
    char name[NN_PLACE_PATH];

    if (n == 1 && *a == '*' && m < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)m, b);
        return nn_family_find(place->family->family, name) != NULL;
    }
    return n == m && memcmp(a, b, n) == 0;
}

/* Whether `topic` is the end of `path`, component by component; with `whole` all of it. */
static bool ends_in(const nn_place *place, const char *path, const char *topic, bool whole) {
    size_t n = strlen(path), m = strlen(topic);

    for (;;) {
        size_t i = last_component(path, n), j = last_component(topic, m);
        if (n == 0 || m == 0 || !same_component(place, path + i, n - i, topic + j, m - j))
            return false;
        if (j == 0)
            return !whole || i == 0;
        if (i == 0)
            return false;
        n = i - 1;
        m = j - 1;
    }
}

bool nn_place_matches(const nn_place *place, const char *topic) {
    return ends_in(place, place->path, topic, false) || ends_in(place, place->brief, topic, false);
}

bool nn_place_is(const nn_place *place, const char *topic) {
    return ends_in(place, place->path, topic, true) || ends_in(place, place->brief, topic, true);
}
