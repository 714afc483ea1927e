/* The training of byte pair encodings: counts of pairs are kept up to date as pairs are joined, in
 * those units only that have the pair. */
#include "base/numbers/rng.h"
#include "base/system/work.h"
#include "base/text.h"
#include "data/importers/text/bpe.h"

#include <string.h>

typedef struct unit {
    int32_t *token; /* [length] */
    size_t length;
} unit;

/* Neighbours somewhere. */
typedef struct pair {
    int32_t a, b;
    int64_t count;
    size_t places; /* 1 + the newest of its places; 0: none */
    bool touched;  /* its count has grown since it was put into the heap */
} pair;

typedef struct place {
    size_t unit, next; /* next: 1 + the one before; 0: none */
} place;

/* A pair as it was once; one whose count is another now comes again. */
typedef struct candidate {
    int64_t count;
    int32_t a, b;
    size_t pair;
} candidate;

typedef struct trainer {
    nn_pool pool;
    const int64_t *seen;
    nn_labels *vocabulary;
    unit *unit;
    pair *pair; /* [pairs] */
    size_t pairs, pair_room;
    size_t *table; /* 1 + a pair's place; 0: free */
    size_t table_size;
    place *place;
    size_t places, place_room;
    candidate *heap;
    size_t heap_count, heap_room;
    size_t *touched;
    size_t touched_count, touched_room;
} trainer;

/* ---- pairs ----------------------------------------------------------------------------------- */

static size_t *find_entry(const trainer *t, int32_t a, int32_t b) {
    size_t i = (size_t)nn_mix64((uint64_t)(uint32_t)a << 32 | (uint32_t)b) & (t->table_size - 1);

    while (t->table[i] && (t->pair[t->table[i] - 1].a != a || t->pair[t->table[i] - 1].b != b))
        i = (i + 1) & (t->table_size - 1);
    return &t->table[i];
}

static int grow_table(trainer *t) {
    size_t size = t->table_size ? t->table_size * 2 : 1024;
    size_t *table = nn_pool_alloc(&t->pool, size * sizeof *table);

    if (!table)
        return NN_EMEMORY;
    t->table = table;
    t->table_size = size;
    for (size_t i = 0; i < t->pairs; i++)
        *find_entry(t, t->pair[i].a, t->pair[i].b) = i + 1;
    return NN_OK;
}

static int find_pair(trainer *t, int32_t a, int32_t b, size_t *out) {
    if (t->pairs * 2 >= t->table_size)
        NN_TRY(grow_table(t));
    size_t *entry = find_entry(t, a, b);
    if (!*entry) {
        NN_TRY(NN_GROW(&t->pool, &t->pair, t->pairs, &t->pair_room));
        t->pair[t->pairs] = (pair){.a = a, .b = b};
        *entry = ++t->pairs;
    }
    *out = *entry - 1;
    return NN_OK;
}

/* The pair now stands in one more place of a unit. */
static int add_pair(trainer *t, int32_t a, int32_t b, size_t where) {
    size_t at;

    NN_TRY(find_pair(t, a, b, &at));
    pair *p = &t->pair[at];
    p->count += t->seen[where];
    if (!p->touched) {
        p->touched = true;
        NN_TRY(NN_GROW(&t->pool, &t->touched, t->touched_count, &t->touched_room));
        t->touched[t->touched_count++] = at;
    }
    if (p->places && t->place[p->places - 1].unit == where)
        return NN_OK;
    NN_TRY(NN_GROW(&t->pool, &t->place, t->places, &t->place_room));
    t->place[t->places] = (place){where, p->places};
    p->places = ++t->places;
    return NN_OK;
}

static void remove_pair(trainer *t, int32_t a, int32_t b, size_t where) {
    t->pair[*find_entry(t, a, b) - 1].count -= t->seen[where];
}

/* ---- the heap: the next pair to join on top -------------------------------------------------- */

static bool goes_before(const candidate *x, const candidate *y) {
    if (x->count != y->count)
        return x->count > y->count;
    return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static int push(trainer *t, size_t at) {
    const pair *p = &t->pair[at];
    candidate c = {p->count, p->a, p->b, at};
    size_t i = t->heap_count;

    NN_TRY(NN_GROW(&t->pool, &t->heap, t->heap_count, &t->heap_room));
    t->heap_count++;
    for (; i > 0 && goes_before(&c, &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = c;
    return NN_OK;
}

static candidate pop(trainer *t) {
    candidate top = t->heap[0], c = t->heap[--t->heap_count];
    size_t i = 0;

    for (size_t child; (child = 2 * i + 1) < t->heap_count; i = child) {
        child += child + 1 < t->heap_count && goes_before(&t->heap[child + 1], &t->heap[child]);
        if (!goes_before(&t->heap[child], &c))
            break;
        t->heap[i] = t->heap[child];
    }
    t->heap[i] = c;
    return top;
}

static int push_touched(trainer *t) {
    for (size_t i = 0; i < t->touched_count; i++) {
        t->pair[t->touched[i]].touched = false;
        NN_TRY(push(t, t->touched[i]));
    }
    t->touched_count = 0;
    return NN_OK;
}

/* ---- merges ---------------------------------------------------------------------------------- */

static int begin(trainer *t, const nn_labels *units) {
    int32_t *token;

    t->unit = nn_pool_alloc(&t->pool, (units->count + 1) * sizeof *t->unit);
    if (!t->unit)
        return NN_EMEMORY;
    for (size_t u = 0; u < units->count; u++) {
        const char *text = units->label[u].text;
        token = nn_pool_alloc(&t->pool, (strlen(text) + 1) * sizeof *token);
        if (!token)
            return NN_EMEMORY;
        t->unit[u] = (unit){token, nn_bpe_encode(t->vocabulary, text, 0, token)};
        for (size_t i = 0; i + 1 < t->unit[u].length; i++)
            NN_TRY(add_pair(t, token[i], token[i + 1], u));
    }
    return push_touched(t);
}

/* Joins the pair wherever it stands in a unit, from the left. */
static int join_in(trainer *t, size_t at, int32_t a, int32_t b, int32_t joined) {
    unit *u = &t->unit[at];
    int32_t *token = u->token;
    size_t count = 0;

    for (size_t i = 0; i < u->length; i++) {
        if (i + 1 == u->length || token[i] != a || token[i + 1] != b) {
            token[count++] = token[i];
            continue;
        }
        remove_pair(t, a, b, at);
        if (count > 0) {
            remove_pair(t, token[count - 1], a, at);
            NN_TRY(add_pair(t, token[count - 1], joined, at));
        }
        if (i + 2 < u->length) {
            remove_pair(t, b, token[i + 2], at);
            NN_TRY(add_pair(t, joined, token[i + 2], at));
        }
        token[count++] = joined;
        i++;
    }
    u->length = count;
    return NN_OK;
}

static int merge(trainer *t, size_t at) {
    pair p = t->pair[at];
    nn_labels *v = t->vocabulary;
    const char *text = nn_pool_printf(&t->pool, "%s%s", v->label[p.a].text, v->label[p.b].text);

    if (!text)
        return NN_EMEMORY;
    NN_TRY(nn_labels_add(v, text));
    int32_t joined = (int32_t)nn_labels_find(v, text);
    for (size_t next = p.places; next; next = t->place[next - 1].next)
        NN_TRY(join_in(t, t->place[next - 1].unit, p.a, p.b, joined));
    return push_touched(t);
}

static int train(trainer *t, const nn_labels *units, size_t most) {
    size_t first = t->vocabulary->count;

    NN_TRY(begin(t, units));
    while (t->vocabulary->count < most && t->heap_count > 0) {
        candidate c = pop(t);
        int64_t count = t->pair[c.pair].count;
        nn_work("making", "the vocabulary", (int64_t)(t->vocabulary->count - first),
                (int64_t)(most - first));
        if (count < 2)
            continue;
        NN_TRY(count == c.count ? merge(t, c.pair) : push(t, c.pair));
    }
    return NN_OK;
}

int nn_bpe_train(const nn_labels *units, const int64_t *seen, size_t most, nn_labels *vocabulary) {
    trainer t = {.seen = seen, .vocabulary = vocabulary};
    int rc = train(&t, units, most);

    nn_work_end();
    nn_pool_release(&t.pool);
    return rc;
}
