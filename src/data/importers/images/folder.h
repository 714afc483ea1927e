/* Which pictures a folder holds: the splits, the classes and their files, in the order of their
 * names' bytes, whatever the file system says. */
#ifndef NN_DATA_IMPORTERS_IMAGES_FOLDER_H
#define NN_DATA_IMPORTERS_IMAGES_FOLDER_H

#include "base/mem.h"

enum { NN_IMAGE_SPLITS = 3 };

typedef struct nn_image_split {
    const char *name; /* "train", "valid" or "test" */
    size_t count, path_room, class_room;
    const char **path; /* [count] */
    int32_t *class;    /* [count] */
} nn_image_split;

typedef struct nn_image_folder {
    nn_pool pool;
    size_t splits, classes; /* classes 0: the pictures have none */
    const char **class_name;
    nn_image_split split[NN_IMAGE_SPLITS];
    size_t others; /* files that are no pictures by their names, and the first */
    const char *other;
    size_t deeper; /* folders in those of classes, which are not looked into, and the first */
    const char *deep;
} nn_image_folder;

/* Looks into the folder: a folder for each class, or `train` with `valid` or `val` and `test`,
 * which have those; or pictures without classes. A folder `train` of pictures alone beside other
 * folders is a class as they are. NN_EFORMAT; release it in any case. Local. */
int nn_image_folder_read(const char *path, nn_image_folder *out);
void nn_image_folder_release(nn_image_folder *folder);

#endif
