#include "data/guess/guess.h"
#include "data/importers/images/folder.h"
#include "data/importers/images/picture.h"

#include <inttypes.h>

/* Pixels of a side that a first model sees: more make it slow before anything is known. */
#define MOST_SIDE 64

/* Sizes of all pictures that can be read. */
typedef struct sizes {
    int64_t least, most; /* the shorter side of the smallest, the longer one of the largest */
    bool alike;
    int64_t height, width; /* of the first */
} sizes;

static void add_size(sizes *s, const nn_picture *p) {
    int64_t shorter = p->height < p->width ? p->height : p->width;
    int64_t longer = p->height < p->width ? p->width : p->height;

    if (s->most == 0)
        *s = (sizes){shorter, longer, true, p->height, p->width};
    s->alike = s->alike && p->height == s->height && p->width == s->width;
    s->least = shorter < s->least ? shorter : s->least;
    s->most = longer > s->most ? longer : s->most;
}

/* Files that cannot be read are for the importer to name. */
static void look_at(const nn_image_split *split, sizes *s) {
    for (size_t i = 0; i < split->count; i++) {
        nn_pool pool = {0};
        nn_picture picture;
        if (nn_picture_read(split->path[i], false, &pool, &picture) >= 0)
            add_size(s, &picture);
        nn_pool_release(&pool);
    }
    nn_error_clear();
}

int nn_guess_images(nn_guess *guess, const nn_guess_options *o) {
    nn_image_folder folder = {0};
    sizes s = {0};
    int rc = nn_image_folder_read(o->path, &folder);

    for (size_t i = 0; rc >= 0 && i < folder.splits; i++)
        look_at(&folder.split[i], &s);
    if (rc >= 0 && folder.classes == 0)
        rc = nn_fail(NN_EUSAGE,
                     "%s: its pictures have no classes to learn: put those of each class into a "
                     "folder of its own, named after the class",
                     o->path);
    nn_image_folder_release(&folder);
    if (rc < 0 || (s.alike && s.most <= MOST_SIDE))
        return rc;
    return nn_guess_add(
        guess, "height",
        nn_pool_printf(guess->pool, "%" PRId64, s.least < MOST_SIDE ? s.least : MOST_SIDE),
        s.alike ? "All pictures become squares of so many pixels a side, cut off around the "
                  "middle: fast for a first look. More show more; width: beside it makes "
                  "rectangles."
                : "The pictures are of several sizes, and become squares of so many pixels a side, "
                  "cut off around the middle. fit: stretch scales each side by itself; width: "
                  "beside it makes rectangles.");
}
