/* YAML out. */
#include "io/yaml/yaml.h"

#include <string.h>
#include <yaml.h>

#define INDENT 2

/* Text that grows in the pool. */
typedef struct writer {
    yaml_emitter_t emitter;
    nn_pool *pool;
    char *text;
    size_t length, room;
} writer;

/* libyaml's write handler: 1 for success. */
static int append(void *data, unsigned char *bytes, size_t count) {
    writer *w = data;
    if (w->length + count >= w->room) {
        size_t room = 2 * (w->length + count) + 1;
        char *text = nn_pool_alloc(w->pool, room);
        if (text == NULL)
            return 0;
        if (w->length > 0)
            memcpy(text, w->text, w->length);
        w->text = text;
        w->room = room;
    }
    memcpy(w->text + w->length, bytes, count);
    w->length += count;
    w->text[w->length] = '\0';
    return 1;
}

/* Hands an event to the emitter, which owns it from then on. `made` says whether it could be. */
static int emit(writer *w, yaml_event_t *event, int made) {
    if (!made)
        return nn_fail(NN_EMEMORY, "out of memory: writing YAML");
    if (yaml_emitter_emit(&w->emitter, event))
        return 0;
    if (w->emitter.error == YAML_MEMORY_ERROR || w->emitter.error == YAML_WRITER_ERROR)
        return nn_fail(NN_EMEMORY, "out of memory: writing YAML");
    return nn_fail(NN_EUSAGE, "cannot write YAML: %s", w->emitter.problem);
}

/* RFC 3629, without its exception of surrogates, which libyaml lets pass as well. */
static bool is_utf8(const char *text) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; /* of a sequence of 1, 2 ... bytes */
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        int more = *at < 0x80       ? 0
                   : *at >> 5 == 6  ? 1
                   : *at >> 4 == 14 ? 2
                   : *at >> 3 == 30 ? 3
                                    : -1;
        if (more < 0)
            return false;
        uint32_t value = *at & (0x7FU >> (more > 0 ? more + 1 : 0));
        for (int i = 0; i < more; i++) {
            if (*++at >> 6 != 2)
                return false;
            value = value << 6 | (*at & 0x3F);
        }
        if (value < least[more] || value > 0x10FFFF)
            return false;
    }
    return true;
}

/* Text of several lines is quoted anyway, and nothing but text. */
static int emit_scalar(writer *w, const char *text, bool quoted) {
    yaml_event_t event;
    yaml_scalar_style_t style = strchr(text, '\n') != NULL ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                : quoted                   ? YAML_SINGLE_QUOTED_SCALAR_STYLE
                                                           : YAML_PLAIN_SCALAR_STYLE;
    if (!is_utf8(text))
        return nn_fail(NN_EUSAGE, "cannot write '%s' as YAML: it is not UTF-8", text);
    return emit(w, &event,
                yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                             (int)strlen(text), 1, 1, style));
}

static int emit_node(writer *w, const nn_node *node);

/* A list of two scalars stands on one line: of pairs there may be many. */
static bool is_pair(const nn_node *list) {
    return list->count == 2 && list->item[0]->kind == NN_NODE_SCALAR &&
           list->item[1]->kind == NN_NODE_SCALAR;
}

static int emit_list(writer *w, const nn_node *list) {
    yaml_event_t event;
    int made = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                    is_pair(list) ? YAML_FLOW_SEQUENCE_STYLE
                                                                  : YAML_BLOCK_SEQUENCE_STYLE);
    NN_TRY(emit(w, &event, made));
    for (size_t i = 0; i < list->count; i++)
        NN_TRY(emit_node(w, list->item[i]));
    return emit(w, &event, yaml_sequence_end_event_initialize(&event));
}

static int emit_map(writer *w, const nn_node *map) {
    yaml_event_t event;
    int made = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
    NN_TRY(emit(w, &event, made));
    for (size_t i = 0; i < map->count; i++) {
        NN_TRY(emit_scalar(w, map->item[i]->key, strcmp(map->item[i]->key, "<<") == 0));
        NN_TRY(emit_node(w, map->item[i]));
    }
    return emit(w, &event, yaml_mapping_end_event_initialize(&event));
}

static int emit_node(writer *w, const nn_node *node) {
    if (node->kind == NN_NODE_LIST)
        return emit_list(w, node);
    if (node->kind == NN_NODE_MAP)
        return emit_map(w, node);
    if (node->text[0] == '\0' && !node->quoted)
        return emit_scalar(w, "null", false);
    return emit_scalar(w, node->text, node->quoted);
}

static int emit_document(writer *w, const nn_node *root) {
    yaml_event_t event;
    NN_TRY(emit(w, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)));
    NN_TRY(emit(w, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)));
    NN_TRY(emit_node(w, root));
    NN_TRY(emit(w, &event, yaml_document_end_event_initialize(&event, 1)));
    return emit(w, &event, yaml_stream_end_event_initialize(&event));
}

int nn_yaml_emit(nn_pool *pool, const nn_node *root, char **text) {
    writer w = {.pool = pool};
    *text = NULL;
    if (!yaml_emitter_initialize(&w.emitter))
        return nn_fail(NN_EMEMORY, "out of memory: writing YAML");
    yaml_emitter_set_output(&w.emitter, append, &w);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_indent(&w.emitter, INDENT);
    yaml_emitter_set_width(&w.emitter, -1); /* long strings stay on their line */
    int rc = emit_document(&w, root);
    yaml_emitter_delete(&w.emitter);
    if (rc < 0)
        return rc;
    *text = w.text;
    return 0;
}
