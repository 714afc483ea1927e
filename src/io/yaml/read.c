/* YAML in. */
#include "base/numbers/rng.h"
#include "io/files/file.h"
#include "io/yaml/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum {
    MAX_DEPTH = 100,     /* nesting; recursion is bounded by it */
    MAX_NODES = 1000000, /* values in all */
    MAX_COPIES =
        100000, /* those that aliases stand for: aliases of aliases make many of few bytes */
    MAX_ANCHORS = 1000, /* each alias looks through them */
    LONG_MAP = 32,      /* keys */
    MAX_BYTES = 1 << 26 /* of a file; beyond that it is the wrong one */
};

#define CORE_TAG "tag:yaml.org,2002:"

/* A value with a name, newest first. */
typedef struct anchor {
    struct anchor *next;
    const char *name;
    const nn_node *node; /* NULL while the value is still being read */
} anchor;

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one under the cursor */
    nn_pool *pool;
    const char *file, *text;
    size_t length;
    anchor *anchors;
    size_t nodes, copies, named; /* values in all; by aliases; with an anchor */
    int depth;
} reader;

static int fail_at(const reader *r, yaml_mark_t mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail_at(const reader *r, yaml_mark_t mark, const char *format, ...) {
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return nn_fail(NN_EUSAGE, "%s:%zu:%zu: %s", r->file, mark.line + 1, mark.column + 1, message);
}

/* Where a byte of the text stands; libyaml gives only its offset when the encoding is wrong. */
static yaml_mark_t mark_of(const reader *r, size_t offset) {
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < r->length; i++) {
        bool continues = ((unsigned char)r->text[i] & 0xC0) == 0x80;
        mark.column += continues ? 0 : 1;
        if (r->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

/* Whether blanks and a tab, and nothing else, stand at the beginning of a line. */
static bool has_tab_indent(const reader *r, size_t line) {
    const char *at = r->text, *end = r->text + r->length;
    while (at != NULL && line-- > 0) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at != NULL ? at + 1 : NULL;
    }
    while (at != NULL && at < end && *at == ' ')
        at++;
    return at != NULL && at < end && *at == '\t';
}

static int fail_syntax(const reader *r) {
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";
    if (p->error == YAML_MEMORY_ERROR)
        return nn_fail(NN_EMEMORY, "out of memory: parsing '%s'", r->file);
    if (p->error == YAML_READER_ERROR)
        return fail_at(r, mark_of(r, p->problem_offset), "%s: the file must be UTF-8 text",
                       problem);
    if (has_tab_indent(r, p->problem_mark.line))
        return fail_at(r, p->problem_mark, "%s: indent with blanks, not with tabs", problem);
    if (p->context == NULL)
        return fail_at(r, p->problem_mark, "%s", problem);
    return fail_at(r, p->problem_mark, "%s, %s that begins at line %zu", problem, p->context,
                   p->context_mark.line + 1);
}

static int next(reader *r) {
    yaml_event_delete(&r->event);
    return yaml_parser_parse(&r->parser, &r->event) ? 0 : fail_syntax(r);
}

static int new_node(reader *r, nn_node_kind kind, yaml_mark_t mark, nn_node **out) {
    if (++r->nodes > MAX_NODES) {
        fail_at(r, mark, "more than %d values", MAX_NODES);
        return NN_EUSAGE;
    }
    nn_node *node = kind == NN_NODE_SCALAR ? nn_node_scalar(r->pool, "")
                    : kind == NN_NODE_LIST ? nn_node_list(r->pool)
                                           : nn_node_map(r->pool);
    if (node == NULL)
        return NN_EMEMORY;
    node->file = r->file;
    node->line = (int)mark.line + 1;
    node->column = (int)mark.column + 1;
    *out = node;
    return 0;
}

/* Tags of the core schema say nothing that the reader of a value does not know better, but !!str:
 * that makes a string of anything, as quotes do. */
static int check_tag(const reader *r, const yaml_char_t *tag, bool *is_string) {
    const char *name = (const char *)tag;
    static const char *const known[] = {"str", "int", "float", "bool", "null", "seq", "map"};
    if (name == NULL)
        return 0;
    if (strcmp(name, "!") == 0) {
        *is_string = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(name, CORE_TAG, strlen(CORE_TAG)) == 0 &&
            strcmp(name + strlen(CORE_TAG), known[i]) == 0) {
            *is_string = i == 0;
            return 0;
        }
    return fail_at(r, r->event.start_mark, "the tag '%s' means nothing here", name);
}

static int declare_anchor(reader *r, const yaml_char_t *name, anchor **out) {
    *out = NULL;
    if (name == NULL)
        return 0;
    if (++r->named > MAX_ANCHORS)
        return fail_at(r, r->event.start_mark, "more than %d anchors", MAX_ANCHORS);
    anchor *a = nn_pool_alloc(r->pool, sizeof *a);
    if (a == NULL || (a->name = nn_pool_strdup(r->pool, (const char *)name)) == NULL)
        return NN_EMEMORY;
    a->next = r->anchors;
    r->anchors = a;
    *out = a;
    return 0;
}

static int scalar_text(reader *r, const char **text) {
    const char *value = (const char *)r->event.data.scalar.value;
    if (strlen(value) != r->event.data.scalar.length)
        return fail_at(r, r->event.start_mark, "a NUL character stands in the text");
    *text = nn_pool_strdup(r->pool, value);
    return *text != NULL ? 0 : NN_EMEMORY;
}

static bool is_null(const char *text) {
    return strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static int read_scalar(reader *r, nn_node *node) {
    node->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    NN_TRY(check_tag(r, r->event.data.scalar.tag, &node->quoted));
    NN_TRY(scalar_text(r, &node->text));
    if (!node->quoted && is_null(node->text))
        node->text = "";
    return 0;
}

/* A copy of its own for every alias: completing one with defaults must not touch the others. */
static int copy_node(reader *r, const nn_node *from, yaml_mark_t mark, nn_node **out) {
    nn_node *node = NULL;
    if (++r->copies > MAX_COPIES)
        return fail_at(r, mark, "aliases unfold to more than %d values", MAX_COPIES);
    NN_TRY(new_node(r, from->kind, mark, &node));
    node->text = from->text;
    node->quoted = from->quoted;
    node->key_line = from->key_line;
    node->key_column = from->key_column;
    for (size_t i = 0; i < from->count; i++) {
        const nn_node *item = from->item[i];
        yaml_mark_t place = {0, (size_t)item->line - 1, (size_t)item->column - 1};
        nn_node *copy = NULL;
        NN_TRY(copy_node(r, item, place, &copy));
        NN_TRY(nn_node_add(node, item->key, copy));
    }
    *out = node;
    return 0;
}

static int read_alias(reader *r, nn_node **out) {
    const char *name = (const char *)r->event.data.alias.anchor;
    const anchor *a = r->anchors;
    while (a != NULL && strcmp(a->name, name) != 0)
        a = a->next;
    if (a == NULL)
        return fail_at(r, r->event.start_mark, "'*%s' has no '&%s' above it", name, name);
    if (a->node == NULL)
        return fail_at(r, r->event.start_mark, "'*%s' stands inside of '&%s'", name, name);
    return copy_node(r, a->node, r->event.start_mark, out);
}

static int read_node(reader *r, nn_node **out);

static int read_list(reader *r, nn_node *list) {
    for (;;) {
        nn_node *item = NULL;
        NN_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        NN_TRY(read_node(r, &item));
        NN_TRY(nn_node_add(list, NULL, item));
    }
}

/* The keys of a map that is long, so that looking for one among all does not take for ever. */
typedef struct key_set {
    uint32_t *hash_table; /* 1 + index of the item; 0: free */
    size_t hash_size;     /* a power of two, or 0 */
} key_set;

static uint32_t *find_entry(const key_set *set, const nn_node *map, const char *key) {
    size_t i = (size_t)nn_hash_text(key) & (set->hash_size - 1);
    while (set->hash_table[i] != 0 && strcmp(map->item[set->hash_table[i] - 1]->key, key) != 0)
        i = (i + 1) & (set->hash_size - 1);
    return &set->hash_table[i];
}

/* At most half of the entries are taken. */
static int grow_keys(key_set *set, const nn_node *map) {
    nn_free(set->hash_table);
    set->hash_size = set->hash_size > 0 ? 2 * set->hash_size : 4 * LONG_MAP;
    NN_TRY(NN_NEW(&set->hash_table, set->hash_size, "keys"));
    for (size_t i = 0; i < map->count; i++)
        *find_entry(set, map, map->item[i]->key) = (uint32_t)i + 1;
    return 0;
}

static int note_key(key_set *set, const nn_node *map) {
    if (map->count < LONG_MAP)
        return 0;
    if (2 * map->count > set->hash_size)
        return grow_keys(set, map);
    *find_entry(set, map, map->item[map->count - 1]->key) = (uint32_t)map->count;
    return 0;
}

static const nn_node *find_key(const key_set *set, const nn_node *map, const char *key) {
    if (set->hash_size == 0)
        return nn_node_get(map, key);
    uint32_t at = *find_entry(set, map, key);
    return at > 0 ? map->item[at - 1] : NULL;
}

static int read_key(reader *r, const nn_node *map, const key_set *set, const char **key) {
    yaml_mark_t mark = r->event.start_mark;
    if (r->event.type != YAML_SCALAR_EVENT || r->event.data.scalar.length == 0)
        return fail_at(r, mark, "a key must be a word");
    NN_TRY(scalar_text(r, key));
    if (strcmp(*key, "<<") == 0 && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(r, mark, "merge keys ('<<') are not supported: write the keys out");
    const nn_node *first = find_key(set, map, *key);
    if (first != NULL)
        return fail_at(r, mark, "key '%s' stands twice, first at line %d", *key, first->key_line);
    return 0;
}

static int read_items(reader *r, nn_node *map, key_set *set) {
    for (;;) {
        nn_node *item = NULL;
        const char *key = NULL;
        NN_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return 0;
        yaml_mark_t mark = r->event.start_mark;
        NN_TRY(read_key(r, map, set, &key));
        NN_TRY(next(r));
        NN_TRY(read_node(r, &item));
        item->key_line = (int)mark.line + 1;
        item->key_column = (int)mark.column + 1;
        NN_TRY(nn_node_add(map, key, item));
        NN_TRY(note_key(set, map));
    }
}

static int read_map(reader *r, nn_node *map) {
    key_set set = {0};
    int rc = read_items(r, map, &set);
    nn_free(set.hash_table);
    return rc;
}

/* From the event of a value's beginning to that of its end. */
static int read_node(reader *r, nn_node **out) {
    const yaml_event_t *event = &r->event;
    bool is_string = false;
    anchor *name = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(r, out);
    if (++r->depth > MAX_DEPTH)
        return fail_at(r, event->start_mark, "nested deeper than %d levels", MAX_DEPTH);
    if (event->type == YAML_SCALAR_EVENT) {
        NN_TRY(new_node(r, NN_NODE_SCALAR, event->start_mark, out));
        NN_TRY(declare_anchor(r, event->data.scalar.anchor, &name));
        NN_TRY(read_scalar(r, *out));
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        NN_TRY(new_node(r, NN_NODE_LIST, event->start_mark, out));
        NN_TRY(check_tag(r, event->data.sequence_start.tag, &is_string));
        NN_TRY(declare_anchor(r, event->data.sequence_start.anchor, &name));
        NN_TRY(read_list(r, *out));
    } else {
        NN_TRY(new_node(r, NN_NODE_MAP, event->start_mark, out));
        NN_TRY(check_tag(r, event->data.mapping_start.tag, &is_string));
        NN_TRY(declare_anchor(r, event->data.mapping_start.anchor, &name));
        NN_TRY(read_map(r, *out));
    }
    if (name != NULL)
        name->node = *out;
    r->depth--;
    return 0;
}

static int read_document(reader *r, nn_node **root) {
    NN_TRY(next(r)); /* the beginning of the stream */
    NN_TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return nn_fail(NN_EUSAGE, "%s: nothing stands in it", r->file);
    NN_TRY(next(r));
    NN_TRY(read_node(r, root));
    NN_TRY(next(r)); /* the end of the document */
    NN_TRY(next(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, r->event.start_mark, "a second document begins here, only one is read");
    return 0;
}

int nn_yaml_parse(nn_pool *pool, const char *file, const char *text, size_t length,
                  nn_node **root) {
    reader r = {.pool = pool, .text = text, .length = length};
    *root = NULL;
    r.file = nn_pool_strdup(pool, file);
    if (r.file == NULL)
        return NN_EMEMORY;
    if (!yaml_parser_initialize(&r.parser))
        return nn_fail(NN_EMEMORY, "out of memory: parsing '%s'", file);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    int rc = read_document(&r, root);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return rc;
}

int nn_yaml_load(nn_pool *pool, const char *file, nn_node **root) {
    char *text = NULL;
    size_t length = 0;
    *root = NULL;
    int rc = nn_file_read_below(pool, file, MAX_BYTES, &text, &length);
    if (rc < 0) /* the user named the file, so for them it is a matter of usage */
        return nn_error_frame(rc == NN_EIO ? NN_EUSAGE : rc, __func__);
    return nn_yaml_parse(pool, file, text, length, root);
}
