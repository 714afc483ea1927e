/* What tokens of a text stand for. Those of byte pair encodings are spelled as in GPT-2's
 * vocab.json, so that any bytes are a text: each byte is a character, itself where it is printable
 * in Latin-1 (! to ~, but for blanks, the soft hyphen and controls), else U+0100 and on. */
#ifndef NN_DATA_TOKENS_H
#define NN_DATA_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

/* Kinds of tokens, as the attribute `tokens` of a data set names them. */
enum { NN_TOKENS_BYTES, NN_TOKENS_CHARS, NN_TOKENS_WORDS, NN_TOKENS_BPE };
extern const char *const nn_token_kinds[]; /* their names; NULL ends them */
#define NN_TOKEN_KINDS "bytes|chars|words|bpe"

#define NN_BYTE_TOKENS 256 /* different ones, where tokens are bytes */

/* The kind of that name, -1: there is none; NULL is none. */
int nn_token_kind_of(const char *name);
/* `kind`: one of nn_token_kinds, another name, or NULL. */
bool nn_tokens_are_bytes(const char *kind);

extern const char nn_token_unknown[]; /* token 0 of chars and words */

/* What messages show of a token: up to 40 bytes of whole characters, with control characters and
 * bytes that are no UTF-8 as \x0a. To `text`, which is returned. */
#define NN_TOKEN_SHOWN 48
const char *nn_token_shown(const char *name, char text[NN_TOKEN_SHOWN]);

/* The spelling of a byte, 1 or 2 bytes of UTF-8 and a NUL, to `text`; returns its length. */
size_t nn_token_spell(unsigned char byte, char text[3]);

/* The other way round: the bytes that a token of a byte pair encoding stands for, up to `room` of
 * them; returns how many it has. Characters that spell no byte, as in names of special tokens,
 * stand for themselves. `bytes` may be NULL. */
size_t nn_token_unspell(const char *name, char *bytes, size_t room);

/* Bytes of text of a token of a kind, `name` NULL where it has none; 0: the kind does not say, as
 * words leave blanks out. <unk> counts as one. */
size_t nn_token_bytes(const char *kind, const char *name);

#endif
