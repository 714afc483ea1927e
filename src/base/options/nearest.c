#include "base/options/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_WORD = 64 };

/* Names are compared as people type them: "Conv-2D" is conv_2d. */
static size_t fold(char out[MAX_WORD], const char *word) {
    size_t n = 0;

    for (; word[n] && n < MAX_WORD - 1; n++)
        out[n] = word[n] == '-' || word[n] == ' ' ? '_' : (char)tolower((unsigned char)word[n]);
    out[n] = '\0';
    return n;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance: insertions, deletions, substitutions and swaps of neighbours (each
 * place edited once) that turn a into b. Three rows of the matrix are alive at a time. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][MAX_WORD + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j], row[j - 1]) + 1;
            row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[b_length];
}

/* "learning_rate" for lr: `brief` holds the first letters of the parts of `full`. */
static bool has_initials(const char *full, const char *brief) {
    size_t n = 0;

    for (const char *c = full; *c; c++) {
        bool starts = *c != '_' && (c == full || c[-1] == '_');
        if (starts && brief[n++] != *c)
            return false;
    }
    return n > 1 && brief[n] == '\0';
}

/* A third of the longer word may be wrong; one letter of any word that has another. */
static bool is_near(size_t edits, size_t a_length, size_t b_length) {
    size_t shorter = least(a_length, b_length), longer = a_length + b_length - shorter;

    return shorter > 1 && (edits <= 1 || 3 * edits <= longer);
}

const char *nn_nearest(const char *word, const char *const *candidates) {
    const char *same = nn_synonym(word, candidates), *best = NULL, *initials = NULL;
    size_t best_rating = 2 * MAX_WORD; /* edits; of two equals, the one that was cut short */
    char a[MAX_WORD], b[MAX_WORD];
    size_t a_length = fold(a, word);

    if (same)
        return same;
    for (; *candidates; candidates++) {
        size_t b_length = fold(b, *candidates);
        size_t edits = distance(a, a_length, b, b_length);
        size_t rating = 2 * edits + (strncmp(a, b, least(a_length, b_length)) != 0);
        if (rating < best_rating && is_near(edits, a_length, b_length)) {
            best = *candidates;
            best_rating = rating;
        }
        if (has_initials(a, b) || has_initials(b, a))
            initials = *candidates;
    }
    return best ? best : initials;
}
