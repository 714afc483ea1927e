/* Texts as tokens of a vocabulary, and tokens as text. */
#ifndef NN_DATA_IMPORTERS_TEXT_TOKENIZER_H
#define NN_DATA_IMPORTERS_TEXT_TOKENIZER_H

#include "base/mem.h"

#include <stdint.h>

typedef struct nn_tokenizer nn_tokenizer;

/* `kind`: one of nn_token_kinds. name[count] are the tokens, which are copied; bytes have none.
 * NN_EFORMAT where they are no vocabulary of the kind. Local. */
int nn_tokenizer_new(const char *kind, const char *const *name, size_t count, nn_tokenizer **out);
void nn_tokenizer_free(nn_tokenizer *tokenizer);

/* Tokens that there are. */
size_t nn_tokenizer_count(const nn_tokenizer *tokenizer);
/* The number of the token of that name, -1: there is none. */
int64_t nn_tokenizer_find(const nn_tokenizer *tokenizer, const char *name);
/* The token that stands for units which are none; -1: there is no such one. */
int64_t nn_tokenizer_unknown(const nn_tokenizer *tokenizer);

/* The tokens of text[length], behind which a NUL stands, as the importer of texts divides it; the
 * pool owns them. Units that are no token are the unknown one. NN_EFORMAT says which unit is no
 * token where there is no such one. Local. */
int nn_tokenizer_encode(const nn_tokenizer *tokenizer, const char *text, size_t length,
                        nn_pool *pool, int32_t **token, size_t *count);

/* The bytes that a token adds to a text which ends with token `before` (-1: it is empty), to
 * `bytes` [NN_TOKEN_BYTES]; longer ones are cut. Words get a blank between them, but not beside the
 * end of a line. Returns how many there are. */
#define NN_TOKEN_BYTES 2048
size_t nn_tokenizer_decode(const nn_tokenizer *tokenizer, int64_t before, int32_t token,
                           char bytes[NN_TOKEN_BYTES]);

#endif
