/* The tables as programs see them. */
#include "train/config/places.h"

#include <nnmpi/help.h>

#include <stddef.h>

typedef struct visitor {
    void (*visit)(void *ctx, const nn_help *help);
    void *ctx;
} visitor;

static void visit_place(void *ctx, const nn_place *place) {
    const visitor *v = ctx;
    const nn_option *option = place->option;
    nn_help help = {
        .path = place->path,
        .family = place->family ? place->family->family->noun : NULL,
        .row = place->row ? place->row->name : NULL,
        .key = option ? option->key : NULL,
        .type = option ? nn_option_type_name(option) : NULL,
        .fallback = option ? option->fallback : NULL,
        .range = option ? option->range : NULL,
        .help = option       ? option->help
                : place->row ? place->row->help
                             : NULL,
    };
    v->visit(v->ctx, &help);
}

void nn_help_visit(void (*visit)(void *ctx, const nn_help *help), void *ctx) {
    nn_places_visit(visit_place, &(visitor){visit, ctx});
}
