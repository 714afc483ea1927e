#include "train/session/samples.h"

#include <stdio.h>
#include <string.h>

typedef struct part {
    char split[8]; /* "train" */
    size_t bytes;
    nn_node_buffer *memory; /* NULL: not shared */
} part;

struct nn_samples {
    size_t parts;
    part part[NN_MAX_SPLITS];
};

static int read_split(nn_session *session, const char *split, part *p) {
    nn_loader *loader = NULL;
    int rc = nn_session_loader_shared(session, split, session->eval_batch_size, false, &loader);
    rc = nn_comm_agree(session->comm, rc);
    if (rc == 0) {
        snprintf(p->split, sizeof p->split, "%s", split);
        p->bytes = nn_loader_bytes(loader);
        rc = nn_session_fill(session, loader, &p->memory);
    }
    nn_loader_free(loader);
    return rc;
}

int nn_samples_new(nn_comm *comm, nn_config *config, nn_samples **out) {
    nn_session session = {.comm = comm};
    nn_samples *samples = NULL;
    int rc;
    *out = NULL;
    NN_TRY(nn_comm_agree(comm, NN_NEW(&samples, 1, "samples")));
    NN_TRY_GOTO(nn_comm_agree(comm, nn_session_plan(&session, comm, config, NULL, false)));
    for (; samples->parts < session.data->splits; samples->parts++)
        NN_TRY_GOTO(read_split(&session, session.data->split[samples->parts].name,
                               &samples->part[samples->parts]));
    *out = samples;
    samples = NULL;
done:
    nn_session_release(&session);
    nn_samples_free(samples);
    return rc;
}

void nn_samples_free(nn_samples *samples) {
    for (size_t i = 0; samples && i < NN_MAX_SPLITS; i++)
        nn_node_buffer_free(samples->part[i].memory);
    nn_free(samples);
}

const void *nn_samples_rows(const nn_samples *samples, const char *split, size_t bytes) {
    for (size_t i = 0; samples && i < samples->parts; i++) {
        const part *p = &samples->part[i];
        if (p->memory && p->bytes == bytes && strcmp(p->split, split) == 0)
            return nn_node_buffer_data(p->memory);
    }
    return NULL;
}
