/* Byte pair encoding (Gage 1994; Sennrich et al., 2016; on bytes: Radford et al., 2019). A
 * vocabulary is the tokens, spelled as data/tokens.h says, in the order of their merges behind the
 * 256 bytes: which pair a token was made of follows from the tokens before it. */
#ifndef NN_DATA_IMPORTERS_TEXT_BPE_H
#define NN_DATA_IMPORTERS_TEXT_BPE_H

#include "data/importers/labels.h"

/* Tokens of a spelled unit of up to NN_UNIT_MOST characters: of neighbours that are a token
 * together, those whose token has the smallest number below `limit` are joined, as long as there
 * are any. Returns how many `out`, with room for one for each character, has. The vocabulary has
 * all bytes. Local. */
size_t nn_bpe_encode(const nn_labels *vocabulary, const char *unit, int64_t limit, int32_t *out);

/* Adds the 256 bytes. */
int nn_bpe_add_bytes(nn_labels *vocabulary);

/* Adds tokens to a vocabulary of the bytes until there are `most` of them, or no pair occurs twice:
 * each is the most frequent pair of neighbours in the units, which occur seen[units.count] times;
 * of equally frequent ones that of the smaller numbers. Local. */
int nn_bpe_train(const nn_labels *units, const int64_t *seen, size_t most, nn_labels *vocabulary);

#endif
