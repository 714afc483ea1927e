#include "dist/cut.h"

#define LINE ((size_t)16) /* elements: slices begin at cache lines of float, where buckets do */

size_t nn_cut_buckets(const nn_cut *cut) {
    return (cut->n + cut->bucket - 1) / cut->bucket;
}

size_t nn_cut_complete(const nn_cut *cut, size_t begin) {
    return begin == 0 ? nn_cut_buckets(cut) : (cut->n - begin) / cut->bucket;
}

nn_slice nn_cut_bucket(const nn_cut *cut, size_t k) {
    size_t end = cut->n - k * cut->bucket;
    return (nn_slice){end > cut->bucket ? end - cut->bucket : 0, end, 0};
}

/* Where the slice of `owner` begins in a bucket of `length` elements. */
static size_t border(const nn_cut *cut, size_t length, size_t owner) {
    size_t cell = cut->cell ? cut->cell : LINE;
    return owner < cut->owners ? length * owner / cut->owners / cell * cell : length;
}

/* Shares keep the order of the vector, where the last bucket stands first. */
nn_slice nn_cut_slice(const nn_cut *cut, size_t k, size_t owner) {
    nn_slice bucket = nn_cut_bucket(cut, k);
    size_t length = bucket.end - bucket.begin, before = bucket.begin / cut->bucket;
    size_t whole = border(cut, cut->bucket, owner + 1) - border(cut, cut->bucket, owner);
    size_t rest = bucket.begin % cut->bucket; /* of the bucket that may be shorter */
    return (nn_slice){bucket.begin + border(cut, length, owner),
                      bucket.begin + border(cut, length, owner + 1),
                      before * whole + border(cut, rest, owner + 1) - border(cut, rest, owner)};
}

size_t nn_cut_share(const nn_cut *cut, size_t owner) {
    if (cut->n == 0)
        return 0;
    nn_slice end = nn_cut_slice(cut, 0, owner);
    return end.at + end.end - end.begin;
}
