/* What libFuzzer calls (https://llvm.org/docs/LibFuzzer.html). */
#ifndef NN_TESTS_FUZZ_TARGET_H
#define NN_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Once, before all inputs. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Reads one input as the program would; 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
