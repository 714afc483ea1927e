/* "Did you mean": the name that a user has probably meant. */
#ifndef NN_BASE_OPTIONS_NEAREST_H
#define NN_BASE_OPTIONS_NEAREST_H

/* The candidate that other programs of the field call `word`, or NULL. */
const char *nn_synonym(const char *word, const char *const *candidates);

/* That, or the candidate nearest to `word` in edit distance, or NULL when none is near;
 * `candidates` ends with NULL. */
const char *nn_nearest(const char *word, const char *const *candidates);

#endif
