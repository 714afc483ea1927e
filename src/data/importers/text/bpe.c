#include "data/importers/text/bpe.h"

#include "base/text.h"
#include "data/importers/text/units.h"
#include "data/tokens.h"

#include <string.h>

/* A part of a unit that is a token. */
typedef struct piece {
    size_t begin;
    int64_t joined; /* the token that it and the next one are together, -1: none */
} piece;

static int64_t find_part(const nn_labels *vocabulary, const char *unit, size_t begin, size_t end) {
    char text[2 * NN_UNIT_MOST + 1];

    if (end - begin >= sizeof text)
        return -1;
    memcpy(text, unit + begin, end - begin);
    text[end - begin] = '\0';
    return nn_labels_find(vocabulary, text);
}

/* What pieces p[0] and p[1] are together, which end where p[2] begins. */
static int64_t join(const nn_labels *vocabulary, const char *unit, const piece *p, int64_t limit) {
    int64_t joined = find_part(vocabulary, unit, p[0].begin, p[2].begin);

    return joined < limit ? joined : -1;
}

/* The place of the first pair to join, `count` where there is none. */
static size_t best_pair(const piece *p, size_t count) {
    size_t best = count;

    for (size_t i = 0; i + 1 < count; i++)
        if (p[i].joined >= 0 && (best == count || p[i].joined < p[best].joined))
            best = i;
    return best;
}

size_t nn_bpe_encode(const nn_labels *vocabulary, const char *unit, int64_t limit, int32_t *out) {
    piece p[NN_UNIT_MOST + 1];
    size_t count = 0, at;

    for (at = 0; unit[at] && count < NN_UNIT_MOST; at += nn_text_utf8(unit + at))
        p[count++] = (piece){at, -1};
    p[count] = (piece){at, -1};
    for (size_t i = 0; i + 1 < count; i++)
        p[i].joined = join(vocabulary, unit, &p[i], limit);
    for (size_t best; (best = best_pair(p, count)) < count;) {
        memmove(&p[best + 1], &p[best + 2], (count - best - 1) * sizeof *p);
        count--;
        p[best].joined = best + 1 < count ? join(vocabulary, unit, &p[best], limit) : -1;
        if (best > 0)
            p[best - 1].joined = join(vocabulary, unit, &p[best - 1], limit);
    }
    for (size_t i = 0; i < count; i++)
        out[i] = (int32_t)find_part(vocabulary, unit, p[i].begin, p[i + 1].begin);
    return count;
}

int nn_bpe_add_bytes(nn_labels *vocabulary) {
    char text[3];

    for (int unprintable = 0; unprintable < 2; unprintable++)
        for (unsigned b = 0; b < NN_BYTE_TOKENS; b++) {
            nn_token_spell((unsigned char)b, text);
            /* U+0100 and on, which stand for what is not printable, begin with 0xc4 */
            if (((unsigned char)text[0] >= 0xc4) == (unprintable > 0))
                NN_TRY(nn_labels_add(vocabulary, text));
        }
    return NN_OK;
}
