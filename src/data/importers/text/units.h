/* Where a text is divided, before its pieces get numbers. */
#ifndef NN_DATA_IMPORTERS_TEXT_UNITS_H
#define NN_DATA_IMPORTERS_TEXT_UNITS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the longest unit: longer ones are cut. */
#define NN_UNIT_MOST ((size_t)1028)

/* Length of the unit that `text` [n] begins with, 1 to NN_UNIT_MOST: a byte; a character; a word or
 * a sign; or for byte pair encodings a piece within which pairs are joined, as GPT-2 divides. n > 0
 * and a NUL follows; unless the text ends there, n > NN_UNIT_MOST. Bytes that are no UTF-8 are
 * units of their own, or in words what the caller looks for. Local. */
size_t nn_unit_length(int tokens, const unsigned char *text, size_t n);

#endif
