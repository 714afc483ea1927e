#include "extend/custom.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LENGTH = 48 };

int nn_custom_check_size(const char *type, const void *def, size_t known) {
    return def ? nn_sized_check(type, *(const size_t *)def, known)
               : nn_fail(NN_EUSAGE, "the %s is NULL", type);
}

bool nn_custom_is_name(const char *name) {
    if (!name || !isalpha((unsigned char)*name) || strlen(name) > NAME_LENGTH)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

int nn_custom_require(const nn_custom_text *text, const char *function, bool there) {
    return there ? 0
                 : nn_fail(NN_EUSAGE, "%s '%s' has no %s, which is required", text->type,
                           text->name ? text->name : "", function);
}

/* ---- options --------------------------------------------------------------------------------- */

static size_t member_size(nn_option_type type) {
    static const size_t sizes[] = {[NN_OPT_BOOL] = sizeof(bool),
                                   [NN_OPT_INT] = sizeof(int64_t),
                                   [NN_OPT_REAL] = sizeof(double),
                                   [NN_OPT_STRING] = sizeof(char *),
                                   [NN_OPT_CHOICE] = sizeof(int)};
    return (size_t)type < sizeof sizes / sizeof *sizes ? sizes[type] : 0;
}

static bool has_key(const nn_option *table, const nn_option *end, const char *key) {
    for (; table && table != end && table->key; table++)
        if (strcmp(table->key, key) == 0)
            return true;
    return false;
}

static int fail_option(const nn_custom_text *text, const nn_option *o, const char *what) {
    return nn_fail(NN_EUSAGE, "option '%s' of %s '%s' %s", o->key, text->type, text->name, what);
}

static int check_option(const nn_custom_text *text, const nn_option *o) {
    size_t size = member_size(o->type);
    if (!nn_custom_is_name(o->key))
        return fail_option(text, o, "is no name: letters, digits and _");
    if (has_key(text->common, NULL, o->key))
        return fail_option(text, o, "is a key that all of its kind have");
    if (has_key(text->options, o, o->key))
        return fail_option(text, o, "stands twice");
    if (size == 0)
        return fail_option(text, o, "is not of type bool, int, real, string or choice");
    if (o->offset > text->options_size || text->options_size - o->offset < size)
        return fail_option(text, o, "is bound to a member behind the end of options_size");
    if (o->offset % size != 0)
        return fail_option(text, o, "is bound to an offset where no member of its type is");
    if (o->type == NN_OPT_CHOICE && (!o->range || !*o->range))
        return fail_option(text, o, "is a choice without a range \"a|b|c\"");
    return 0;
}

/* A default that is out of its range, or no value at all. */
static int check_fallback(const nn_custom_text *text, const nn_option *o) {
    union {
        int64_t whole;
        double real;
        const char *text;
    } value;
    nn_option table[] = {*o, NN_OPTION_END};
    if (!o->fallback)
        return 0;
    table[0].offset = 0;
    return nn_options_bind(&(nn_binding){table, &value}, 1, NULL, text->name, NULL);
}

static size_t count_options(const nn_option *table) {
    size_t count = 0;
    while (table && table[count].key)
        count++;
    return count;
}

static const char *copy_text(nn_pool *pool, const char *text, bool *failed) {
    const char *copy = text ? nn_pool_strdup(pool, text) : NULL;
    *failed |= text && !copy;
    return copy;
}

/* The same rows for a struct that stands behind an nn_custom. */
static int copy_options(const nn_custom_text *text, nn_pool *pool, const nn_option **out) {
    size_t count = count_options(text->options);
    bool failed = false;
    nn_option *copy = nn_pool_alloc(pool, (count + 1) * sizeof *copy); /* zeros: the last row */
    if (!copy)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++) {
        const nn_option *o = &text->options[i];
        NN_TRY(check_option(text, o));
        copy[i] = (nn_option){.key = copy_text(pool, o->key, &failed),
                              .type = o->type,
                              .offset = o->offset + sizeof(nn_custom),
                              .fallback = copy_text(pool, o->fallback, &failed),
                              .range = copy_text(pool, o->range, &failed),
                              .help = copy_text(pool, o->help ? o->help : o->key, &failed)};
        if (failed)
            return NN_EMEMORY;
        NN_TRY(check_fallback(text, &copy[i]));
    }
    *out = copy;
    return 0;
}

static int copy_entry(const nn_custom_text *text, nn_pool *pool, nn_entry *entry) {
    bool failed = false;
    entry->size = sizeof(nn_custom) + text->options_size;
    entry->name = copy_text(pool, text->name, &failed);
    entry->help = copy_text(pool, text->help ? text->help : text->name, &failed);
    NN_TRY(copy_options(text, pool, &entry->options));
    return failed ? NN_EMEMORY : 0;
}

int nn_custom_add(const nn_family *family, const nn_custom_text *text, nn_pool *pool,
                  nn_entry *entry) {
    if (!nn_custom_is_name(text->name) || strcmp(text->name, "input") == 0 ||
        strcmp(text->name, "loss") == 0)
        return nn_fail(NN_EUSAGE,
                       "%s has '%s' for its name; it is letters, digits and _, a letter first, and "
                       "neither `input` nor `loss`",
                       text->type, text->name ? text->name : "NULL");
    int rc = copy_entry(text, pool, entry);
    if (rc == 0)
        rc = nn_family_add(family, entry);
    if (rc < 0)
        nn_pool_release(pool);
    return rc;
}

/* ---- failures -------------------------------------------------------------------------------- */

static _Thread_local char reason[NN_CUSTOM_WHY + 1];

int nn_extend_fail(int code, const char *why) {
    snprintf(reason, sizeof reason, "%s", why ? why : "");
    return code;
}

bool nn_custom_succeeds(nn_custom *custom, const char *function, int code) {
    if (code != 0 && !custom->function) {
        custom->function = function;
        custom->code = code;
        memcpy(custom->why, reason, sizeof custom->why);
    }
    reason[0] = '\0';
    return code == 0;
}

int nn_custom_fault(nn_custom *custom) {
    const char *function = custom->function;
    custom->function = NULL;
    if (!function)
        return 0;
    return nn_fail(NN_EUSAGE, "its %s returned %d%s%s", function, custom->code,
                   custom->why[0] ? ": " : "", custom->why);
}
