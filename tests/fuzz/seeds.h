/* The inputs that fuzzing starts from, made by the build instead of kept: none of them is large. */
#ifndef NN_TESTS_FUZZ_SEEDS_H
#define NN_TESTS_FUZZ_SEEDS_H

/* Each writes its files into the working folder and ends the program when it cannot. */
void seeds_yaml(void);
void seeds_csv(void);
void seeds_idx(void);
void seeds_import(void);
void seeds_hdf5(void);
void seeds_checkpoint(void);
void seeds_tensors(void);
void seeds_onnx(void);

#endif
