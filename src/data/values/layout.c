#include "data/values/layout.h"

const char *const nn_layout_names[] = {"auto", "channels_first", "channels_last", NULL};

static bool can_be_channels(int64_t dim) {
    return dim == 1 || dim == 3 || dim == 4;
}

int nn_layout_of(const nn_shape *stored) {
    bool image = nn_shape_is_image(stored);
    bool first = image && can_be_channels(stored->dim[0]);
    bool last = image && can_be_channels(stored->dim[stored->rank - 1]);

    return first == last ? NN_LAYOUT_AUTO : first ? NN_LAYOUT_FIRST : NN_LAYOUT_LAST;
}

/* Images and the maps that layers make of them are often square, and have fewer channels than rows
 * or columns more often than not. Who is asked in vain writes one word; who is not asked may train
 * on nonsense. */
bool nn_layout_in_doubt(const nn_shape *stored) {
    const int64_t *dim = stored->dim;

    if (!nn_shape_is_image(stored) || nn_layout_of(stored) != NN_LAYOUT_AUTO)
        return false;
    if (can_be_channels(dim[0]))
        return true;
    int64_t last = dim[stored->rank - 1];
    return dim[1] != last && (dim[0] == dim[1] || last < dim[0]);
}

bool nn_layout_is_evident(const nn_shape *x) {
    return x && x->rank == 3 && can_be_channels(x->dim[0]) && !can_be_channels(x->dim[1]) &&
           !can_be_channels(x->dim[2]);
}
