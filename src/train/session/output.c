/* The output of a pass, as a whole or in parts. */
#include "train/session/session.h"

/* What a block of outputs takes, but it has some rows in any case: with fewer the gradient of the
 * weights goes through memory too often. */
#define BLOCK_BYTES ((size_t)16 << 20)
#define LEAST_ROWS 256
#define TILE_ROWS 32 /* rows come in multiples of this */
/* Blocks from which on they are worth it. */
#define MANY 4

static size_t rows_of_block(size_t width) {
    size_t rows = BLOCK_BYTES / (width * sizeof(nn_real)) / TILE_ROWS * TILE_ROWS;
    return rows > LEAST_ROWS ? rows : LEAST_ROWS;
}

int nn_plan_output_rows(const nn_settings *settings, const nn_model *model, size_t positions,
                        size_t samples, size_t *rows) {
    nn_shape output = nn_model_output_shape(model);
    int64_t wanted = settings->train.output_rows;
    *rows = 0;
    if (nn_model_can_divide_output(model) && positions > 1) {
        if (settings->train.report == NN_REPORT_GRADIENTS) /* looks at its gradient as a whole */
            return 0;
        size_t block = rows_of_block(nn_shape_count(&output) / positions);
        if (wanted >= 0)
            *rows = (size_t)wanted;
        else if (positions * samples >= MANY * block)
            *rows = block;
        return 0;
    }
    if (wanted <= 0)
        return 0;
    return nn_node_fail(nn_node_get(settings->train_node, "output_rows"),
                        "output_rows is for models that end with a dense layer on sequences, each "
                        "step of which has a class: leave it out");
}

/* One call of nn_session_output. */
struct call {
    const nn_session *session;
    const nn_batch *batch;
    nn_see_output *see;
    void *ctx;
};

static void see_block(void *ctx, const nn_output_block *block) {
    const struct call *call = ctx;
    size_t width = call->session->outputs, begin = block->begin / width;
    nn_output_part part = {.micro = block->micro,
                           .begin = begin,
                           .count = block->end / width - begin,
                           .target = nn_target_from(&call->batch->target, begin),
                           .z = block->z,
                           .dz = block->dz};
    call->see(call->ctx, &part);
}

void nn_session_output(const nn_session *session, const nn_pass *pass, const nn_batch *batch,
                       nn_see_output *see, void *ctx) {
    struct call call = {session, batch, see, ctx};
    nn_model_output(session->model, pass, see_block, &call);
}
