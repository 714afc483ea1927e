/* Where the fuzz targets read their inputs from: a private folder, and a watch that ends the
 * program when a file that an input has no business with is opened. */
#ifndef NN_TESTS_FUZZ_SANDBOX_H
#define NN_TESTS_FUZZ_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Makes a new folder below TMPDIR the working folder. Once, from LLVMFuzzerInitialize. */
void sandbox_enter(void);
/* Writes a file of it anew. */
void sandbox_put(const char *name, const void *bytes, size_t size);
/* From now on only files whose names begin with "input" or "output" may be opened, merges.txt,
 * which a vocabulary has beside it, and the folder itself. */
void sandbox_watch(bool on);

/* What a target promises of every input, whatever NDEBUG says. */
void sandbox_expect(bool holds, const char *what);

#endif
