#include "exchange/onnx/patterns/patterns.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- who gives and who reads a value --------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const nn_onnx_link *)a)->name, ((const nn_onnx_link *)b)->name);
}

nn_onnx_link *nn_onnx_find_link(const nn_onnx_conversion *c, const char *name) {
    nn_onnx_link key = {.name = name};
    return c->links ? bsearch(&key, c->link, c->links, sizeof key, by_name) : NULL;
}

static void count_reader(const nn_onnx_conversion *c, const char *name) {
    nn_onnx_link *link = nn_onnx_find_link(c, name);
    if (link)
        link->readers++;
}

int nn_onnx_make_links(nn_onnx_conversion *c) {
    const nn_onnx_file *file = c->file;
    size_t count = 0;
    for (size_t i = 0; i < file->ops; i++)
        count += file->op[i].outputs;
    c->link = nn_pool_alloc(c->pool, count * sizeof *c->link + 1);
    if (!c->link)
        return NN_EMEMORY;
    for (size_t i = 0; i < file->ops; i++)
        for (size_t k = 0; k < file->op[i].outputs; k++)
            c->link[c->links++] = (nn_onnx_link){file->op[i].output[k], &file->op[i], k, 0};
    qsort(c->link, c->links, sizeof *c->link, by_name);
    for (size_t i = 0; i < file->ops; i++)
        for (size_t k = 0; k < file->op[i].inputs; k++)
            count_reader(c, file->op[i].input[k]);
    for (size_t i = 0; i < file->outputs; i++)
        count_reader(c, file->output[i].name);
    return 0;
}

/* A constant, or what nodes that only look at one make of it. */
static bool is_constant(const nn_onnx_conversion *c, const char *name) {
    static const char *const looks[] = {"Transpose", "Split", "Slice", "Cast", "Identity"};
    for (int depth = 0; depth < 8; depth++) {
        const nn_onnx_value *value = nn_onnx_find_value(c, name);
        const nn_onnx_link *link = nn_onnx_find_link(c, name);
        if (value || !link)
            return value && value->form == NN_ONNX_CONSTANT;
        if (strcmp(link->op->op, "Constant") == 0)
            return true;
        size_t i = 0;
        while (i < sizeof looks / sizeof *looks && strcmp(link->op->op, looks[i]) != 0)
            i++;
        if (i == sizeof looks / sizeof *looks || link->op->inputs == 0)
            return false;
        name = link->op->input[0];
    }
    return false;
}

/* ---- patterns -------------------------------------------------------------------------------- */

static size_t word_of(const char *p) {
    size_t n = 0;
    while (isalnum((unsigned char)p[n]))
        n++;
    return n;
}

static bool is_word(const char *p, const char *word) {
    size_t n = word_of(p);
    return strncmp(p, word, n) == 0 && word[n] == 0;
}

static bool same_word(const char *a, const char *b) {
    return word_of(a) == word_of(b) && strncmp(a, b, word_of(a)) == 0;
}

/* Behind a term. */
static const char *skip(const char *p) {
    int depth = 0;
    for (; *p && (depth > 0 || (*p != ',' && *p != ')')); p++)
        depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    return p;
}

static bool bind(nn_onnx_match *m, const char *p, const char *value) {
    for (size_t i = 0; i < m->names; i++)
        if (same_word(m->bound[i].name, p)) {
            m->bound[i].times++;
            return strcmp(m->bound[i].value, value) == 0;
        }
    if (m->names == NN_ONNX_MOST_NAMES || !*value || (*p == 'k' && !is_constant(m->c, value)))
        return false;
    m->bound[m->names].name = p;
    m->bound[m->names].times = 1;
    m->bound[m->names++].value = value;
    return true;
}

static bool term(nn_onnx_match *m, const char *p, const char *value);

/* The inputs of a node from p on, which is behind its "(". */
static bool inputs(nn_onnx_match *m, const char *p, const nn_onnx_op *op, bool exchanged) {
    size_t i = 0;
    for (;; i++) {
        if (*p == '~')
            return true;
        if (i >= op->inputs || !term(m, p, op->input[exchanged ? op->inputs - 1 - i : i]))
            return false;
        p = skip(p);
        if (*p != ',')
            return i + 1 == op->inputs;
        p++;
    }
}

/* Notes that the node is reached; *again: it was before, with what it reads. */
static bool reach(nn_onnx_match *m, const nn_onnx_op *op, char letter, bool *again) {
    for (size_t i = 0; i < m->parts; i++)
        if (m->part[i].op == op) {
            m->part[i].reached++;
            *again = true;
            return m->part[i].letter == letter;
        }
    if (m->parts == NN_ONNX_MOST_PARTS)
        return false;
    m->part[m->parts].op = op;
    m->part[m->parts].letter = letter;
    m->part[m->parts++].reached = 1;
    *again = false;
    return true;
}

/* A node with all that it reads, or nothing. */
static bool node(nn_onnx_match *m, const char *p, const nn_onnx_op *op, char letter) {
    bool turns = op->inputs == 2 && (is_word(p, "Add") || is_word(p, "Mul") || is_word(p, "And"));
    const char *open = strchr(p, '(') + 1;
    nn_onnx_match before = *m;
    bool again;
    for (int exchanged = 0; exchanged <= turns; exchanged++) {
        if (reach(m, op, letter, &again) && (again || inputs(m, open, op, exchanged)))
            return true;
        *m = before;
    }
    return false;
}

static bool term(nn_onnx_match *m, const char *p, const char *value) {
    if (islower((unsigned char)*p))
        return bind(m, p, value);
    const nn_onnx_link *link = nn_onnx_find_link(m->c, value);
    const char *more = p + word_of(p);
    bool optional = *more == '?';
    more += optional;
    char letter = *more == '#' ? more[1] : 0;
    more += *more == '#' ? 2 : 0;
    size_t output = *more == '.' ? (size_t)(more[1] - '0') : 0;
    if (link && is_word(p, link->op->op) && link->output == output && !*link->op->domain &&
        node(m, p, link->op, letter))
        return true;
    return optional && term(m, strchr(p, '(') + 1, value);
}

bool nn_onnx_may_match(const char *pattern, const nn_onnx_op *op) {
    while (!is_word(pattern, op->op)) {
        if (pattern[word_of(pattern)] != '?')
            return false;
        pattern = strchr(pattern, '(') + 1;
    }
    return true;
}

bool nn_onnx_match_value(nn_onnx_match *m, const char *pattern, const char *value) {
    nn_onnx_match before = *m;
    if (!term(m, pattern, value)) {
        *m = before;
        return false;
    }
    const nn_onnx_link *link = nn_onnx_find_link(m->c, value);
    for (size_t i = 0; i < before.names && link; i++) /* a name that stands for more nodes now */
        for (size_t k = before.parts; k < m->parts && m->bound[i].value == value; k++)
            m->part[k].reached += m->part[k].op == link->op ? m->bound[i].times - 1 : 0;
    return true;
}

const char *nn_onnx_matched(const nn_onnx_match *m, const char *name) {
    for (size_t i = 0; i < m->names; i++)
        if (same_word(m->bound[i].name, name))
            return m->bound[i].value;
    return NULL;
}

const nn_onnx_op *nn_onnx_matched_op(const nn_onnx_match *m, char letter) {
    for (size_t i = 0; i < m->parts; i++)
        if (m->part[i].letter == letter)
            return m->part[i].op;
    return NULL;
}

const nn_file_tensor *nn_onnx_constant_of(const nn_onnx_match *m, const char *value, int rank) {
    const nn_onnx_value *found = value ? nn_onnx_find_value(m->c, value) : NULL;
    const nn_file_tensor *constant = found ? found->constant : NULL;
    return constant && (rank < 0 || constant->rank == rank) ? constant : NULL;
}

const nn_file_tensor *nn_onnx_matched_constant(const nn_onnx_match *m, const char *name, int rank) {
    return nn_onnx_constant_of(m, nn_onnx_matched(m, name), rank);
}

bool nn_onnx_matched_number(const nn_onnx_match *m, const char *name, double number) {
    const nn_file_tensor *t = nn_onnx_matched_constant(m, name, -1);
    return t && t->count == 1 && t->type->get &&
           fabs(t->type->get(t->bytes) - number) <= 1e-5 * fabs(number);
}

bool nn_onnx_matched_shape(const nn_onnx_match *m, char letter, int rank, const int64_t *size) {
    const nn_onnx_op *op = nn_onnx_matched_op(m, letter);
    int64_t shape[NN_MAX_RANK + 2];
    if (!op ||
        nn_onnx_whole(nn_onnx_constant_of(m, op->input[1], 1), NN_MAX_RANK + 2, shape) != rank ||
        shape[0] > 0)
        return false;
    for (int i = 1; i < rank; i++)
        if (shape[i] != size[i - 1])
            return false;
    return true;
}

bool nn_onnx_matched_axes(const nn_onnx_match *m, char letter, size_t rank, const int64_t *axes) {
    const nn_onnx_op *op = nn_onnx_matched_op(m, letter);
    const nn_onnx_attribute *perm = op ? nn_onnx_attribute_of(op, "perm") : NULL;
    return perm && perm->count == rank && memcmp(perm->numbers, axes, rank * sizeof *axes) == 0;
}

bool nn_onnx_matched_ordinals(const nn_onnx_match *m, const char *name, int64_t first,
                              int64_t count) {
    const nn_file_tensor *t = nn_onnx_matched_constant(m, name, -1);
    if (!t || !t->type->get || t->count != (size_t)count || nn_onnx_take(m->c, t->count) < 0)
        return false;
    for (int64_t i = 0; i < count; i++)
        if (t->type->get(t->bytes + (size_t)i * t->type->size) != (double)(first + i))
            return false;
    return true;
}

bool nn_onnx_matched_step_mask(const nn_onnx_match *m) {
    const char *name = nn_onnx_matched(m, "len");
    const nn_onnx_value *lengths = name ? nn_onnx_find_value(m->c, name) : NULL;
    const nn_file_tensor *steps = nn_onnx_matched_constant(m, "kstep", 1);
    return lengths && lengths->form == NN_ONNX_LENGTHS && steps &&
           nn_onnx_matched_ordinals(m, "kstep", 0, steps->dim[0]);
}
