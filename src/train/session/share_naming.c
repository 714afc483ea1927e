#include "train/session/share_naming.h"

#include "comm/comm.h"

#include <string.h>

/* What the others need to know before the text: names one after another, each with its NUL. */
struct head {
    int64_t classes, first_label;
    size_t features, categories, bytes;
    bool named;
};

static size_t length_of(size_t count, const char *const *name) {
    size_t bytes = 0;
    for (size_t i = 0; name && i < count; i++)
        bytes += strlen(name[i]) + 1;
    return bytes;
}

static char *pack(size_t count, const char *const *name, char *to) {
    for (size_t i = 0; name && i < count; i++) {
        size_t bytes = strlen(name[i]) + 1;
        memcpy(to, name[i], bytes);
        to += bytes;
    }
    return to;
}

static const char *unpack(size_t count, const char **name, const char *from) {
    for (size_t i = 0; i < count; i++) {
        name[i] = from;
        from += strlen(from) + 1;
    }
    return from;
}

/* What another rank has of rank 0's names. */
static int take(const struct head *head, const char *text, const double *count, nn_pool *pool,
                nn_naming *naming) {
    const char **classes = nn_pool_alloc(pool, ((size_t)head->classes + 1) * sizeof *classes);
    const char **features = nn_pool_alloc(pool, (head->features + 1) * sizeof *features);
    const char **categories = nn_pool_alloc(pool, (head->categories + 1) * sizeof *categories);
    if (!classes || !features || !categories)
        return NN_EMEMORY;
    text = unpack(head->named ? (size_t)head->classes : 0, classes, text);
    text = unpack(head->features, features, text);
    unpack(head->categories, categories, text);
    *naming = (nn_naming){.classes = head->classes,
                          .class_name = head->named ? classes : NULL,
                          .first_label = head->first_label,
                          .features = head->features,
                          .feature_name = features};
    if (head->categories)
        naming->categories = (nn_categories){head->features, count, categories};
    return 0;
}

int nn_naming_bcast(nn_comm *comm, nn_pool *pool, nn_naming *naming) {
    size_t classes = (size_t)naming->classes;
    struct head head = {.classes = naming->classes,
                        .first_label = naming->first_label,
                        .features = naming->features,
                        .categories = nn_categories_names(&naming->categories),
                        .named = naming->class_name != NULL};
    head.bytes = length_of(classes, naming->class_name) +
                 length_of(naming->features, naming->feature_name) +
                 length_of(head.categories, naming->categories.name);
    NN_TRY(nn_comm_bcast(comm, &head, sizeof head));
    char *text = nn_pool_alloc(pool, head.bytes + 1);
    double *count = nn_pool_alloc(pool, (head.features + 1) * sizeof *count);
    NN_TRY(nn_comm_agree(comm, text && count ? 0 : NN_EMEMORY));
    if (nn_comm_rank(comm) == 0) {
        pack(head.categories, naming->categories.name,
             pack(naming->features, naming->feature_name, pack(classes, naming->class_name, text)));
        for (size_t i = 0; head.categories && i < head.features; i++)
            count[i] = naming->categories.count[i];
    }
    NN_TRY(nn_comm_bcast(comm, text, head.bytes));
    NN_TRY(nn_comm_bcast(comm, count, head.features * sizeof *count));
    if (nn_comm_rank(comm) == 0)
        return nn_comm_agree(comm, 0);
    return nn_comm_agree(comm, take(&head, text, count, pool, naming));
}
