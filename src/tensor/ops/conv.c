/* Convolution. The three rows work on channels-last images, as the kernels of math/conv do; they
 * are linear in either operand, and the derivatives of each by one of them are another of the
 * three:
 *
 *   y = conv(x, w), dx = conv_data(dy, w), dw = conv_weights(x, dy)
 *
 * with x [samples, height, width, channels] and w [rows, columns, channels / groups, filters]. */
#include "math/conv/conv.h"

#include "base/sized.h"
#include "tensor/tensor.h"

#include <string.h>

/* What a pass is called with: `of` holds the place of x, w and y among operands and result. */
struct pass {
    nn_conv conv;
    size_t batch;
    nn_buffer *scratch;
};

static int prepare(struct pass *p, const nn_op_call *call, const nn_tensor *images) {
    p->conv = call->args->conv;
    p->batch = (size_t)images->dim[0];
    nn_conv_prepare(&p->conv, nn_tensor_compute(), p->batch, true);
    p->scratch = nn_buffer_alloc(p->conv.scratch_bytes);
    return p->scratch ? 0 : NN_EMEMORY;
}

static nn_tensor *new_images(const nn_op_call *call, int64_t samples, const size_t size[3],
                             size_t channels) {
    return nn_tensor_make(
        call->op->name, false, 4,
        (int64_t[]){samples, (int64_t)size[1], (int64_t)size[2], (int64_t)channels});
}

static nn_tensor *conv_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *w = call->in[1];
    struct pass p;
    if (prepare(&p, call, x) < 0)
        return NULL;
    nn_tensor *y = new_images(call, x->dim[0], p.conv.out, p.conv.filters);
    if (y)
        nn_conv_forward(&p.conv, p.batch, nn_reals(x), nn_reals(w), NULL, nn_reals(y),
                        p.scratch->data);
    nn_buffer_release(p.scratch);
    return y;
}

static nn_tensor *conv_data_forward(const nn_op_call *call) {
    const nn_tensor *dy = call->in[0], *w = call->in[1];
    struct pass p;
    if (prepare(&p, call, dy) < 0)
        return NULL;
    nn_tensor *dx = new_images(call, dy->dim[0], p.conv.in, p.conv.channels);
    if (dx)
        nn_conv_backward_data(&p.conv, p.batch, nn_reals(dy), nn_reals(w), nn_reals(dx),
                              p.scratch->data);
    nn_buffer_release(p.scratch);
    return dx;
}

static nn_tensor *conv_weights_forward(const nn_op_call *call) {
    const nn_tensor *x = call->in[0], *dy = call->in[1];
    struct pass p;
    if (prepare(&p, call, x) < 0)
        return NULL;
    const nn_conv *c = &p.conv;
    nn_tensor *dw =
        nn_tensor_make(call->op->name, false, 4,
                       (int64_t[]){(int64_t)c->kernel[1], (int64_t)c->kernel[2],
                                   (int64_t)(c->channels / c->groups), (int64_t)c->filters});
    if (dw)
        nn_conv_backward_weights(c, p.batch, nn_reals(x), nn_reals(dy), 0, nn_reals(dw), NULL,
                                 p.scratch->data);
    nn_buffer_release(p.scratch);
    return dw;
}

static void conv_backward(nn_tensor *y, nn_tensor *dy, nn_tensor **dx) {
    if (nn_op_wants(y, 0))
        dx[0] = nn_op_on_two(&nn_op_conv_data, dy, y->in[1].tensor, &y->args);
    if (nn_op_wants(y, 1))
        dx[1] = nn_op_on_two(&nn_op_conv_weights, y->in[0].tensor, dy, &y->args);
}

/* Of conv_data(dy, w), g being the derivatives by the result. */
static void conv_data_backward(nn_tensor *y, nn_tensor *g, nn_tensor **dx) {
    if (nn_op_wants(y, 0))
        dx[0] = nn_op_on_two(&nn_op_conv, g, y->in[1].tensor, &y->args);
    if (nn_op_wants(y, 1))
        dx[1] = nn_op_on_two(&nn_op_conv_weights, g, y->in[0].tensor, &y->args);
}

/* Of conv_weights(x, dy). */
static void conv_weights_backward(nn_tensor *y, nn_tensor *g, nn_tensor **dx) {
    if (nn_op_wants(y, 0))
        dx[0] = nn_op_on_two(&nn_op_conv_data, y->in[1].tensor, g, &y->args);
    if (nn_op_wants(y, 1))
        dx[1] = nn_op_on_two(&nn_op_conv, y->in[0].tensor, g, &y->args);
}

/* ---- as the user has it ---------------------------------------------------------------------- */

/* A convolution, or the one that is transposed, whose images have the filters. */
typedef struct kind {
    const char *what, *images, *made;
    bool transposed;
} kind;

static const kind plain = {"conv2d", "channels", "filters", false};
static const kind transposed = {"conv_transpose2d", "filters", "channels", true};

static int check_operands(const kind *k, const nn_tensor *x, const nn_tensor *w, const nn_tensor *b,
                          int64_t groups) {
    if (x->integer || w->integer || x->rank != 4 || w->rank != 4)
        return nn_fail(NN_EUSAGE,
                       "%s: %s and weights %s: floats [samples, %s, height, width] and "
                       "[filters, channels / groups, rows, columns] are wanted",
                       k->what, NN_TEXT_OF(x), NN_TEXT_OF(w), k->images);
    int64_t each = groups < 1 ? 0 : x->dim[1] / (k->transposed ? 1 : groups);
    if (groups < 1 || x->dim[1] % groups != 0 || w->dim[0] % groups != 0 ||
        each != w->dim[k->transposed ? 0 : 1])
        return nn_fail(NN_EUSAGE,
                       "%s: %s and weights %s do not fit for %lld groups, which divide channels "
                       "and filters, and of which each sees %lld channels",
                       k->what, NN_TEXT_OF(x), NN_TEXT_OF(w), (long long)groups,
                       (long long)w->dim[1]);
    int64_t made = k->transposed ? w->dim[1] * groups : w->dim[0];
    if (b && (b->rank != 1 || b->dim[0] != made))
        return nn_fail(NN_EUSAGE, "%s: the bias of %lld %s is [%lld], not %s", k->what,
                       (long long)made, k->made, (long long)made, NN_TEXT_OF(b));
    return 0;
}

#define WINDOW_MOST 1000000000 /* products of two are integers of 64 bits */

static int check_part(const char *what, const char *name, int64_t value, int64_t least) {
    return value >= least && value <= WINDOW_MOST
               ? 0
               : nn_fail(NN_EUSAGE, "%s: a %s of %lld; it is from %lld to %d", what, name,
                         (long long)value, (long long)least, WINDOW_MOST);
}

int nn_window_read(const char *what, const nn_window *given, nn_window *out) {
    if (!given)
        return nn_fail(NN_EUSAGE, "%s: the window is NULL", what);
    NN_TRY(nn_sized_check("nn_window", given->size, sizeof *out));
    *out = (nn_window){0};
    memcpy(out, given, given->size);
    return 0;
}

/* `span`: the pixels from a window's first to its last one, in rows and in columns. */
static int check_window(const char *what, const nn_window *w, int64_t span[2]) {
    for (int i = 0; i < 2; i++) {
        NN_TRY(check_part(what, "kernel", w->kernel[i], 1));
        NN_TRY(check_part(what, "stride", w->stride[i], 1));
        NN_TRY(check_part(what, "dilation", w->dilation[i], 1));
        NN_TRY(check_part(what, "padding", w->padding[i], 0));
        span[i] = w->dilation[i] * (w->kernel[i] - 1) + 1;
    }
    return 0;
}

int nn_window_out(const char *what, const nn_tensor *x, const nn_window *w, int64_t out[2]) {
    int64_t spans[2];
    NN_TRY(check_window(what, w, spans));
    for (int i = 0; i < 2; i++) {
        if (w->output_padding[i] != 0)
            return nn_fail(NN_EUSAGE, "%s: an output_padding of %lld; it is for conv_transpose2d",
                           what, (long long)w->output_padding[i]);
        int64_t span = spans[i];
        int64_t room = x->dim[2 + i] + 2 * w->padding[i] - span;
        if (room < 0)
            return nn_fail(
                NN_EUSAGE, "%s: a window of %lld %s does not fit into %s with padding %lld", what,
                (long long)span, i ? "columns" : "rows", NN_TEXT_OF(x), (long long)w->padding[i]);
        out[i] = room / w->stride[i] + 1;
    }
    return 0;
}

/* Sides of what a transposed convolution makes: an image of which the convolution makes one as
 * large as x. */
static int window_in(const char *what, const nn_tensor *x, const nn_window *w, int64_t in[2]) {
    int64_t span[2];
    NN_TRY(check_window(what, w, span));
    for (int i = 0; i < 2; i++) {
        if (w->output_padding[i] < 0 || w->output_padding[i] >= w->stride[i])
            return nn_fail(NN_EUSAGE,
                           "%s: an output_padding of %lld; it is from 0 to %lld, below the "
                           "stride",
                           what, (long long)w->output_padding[i], (long long)w->stride[i] - 1);
        in[i] =
            (x->dim[2 + i] - 1) * w->stride[i] + span[i] - 2 * w->padding[i] + w->output_padding[i];
        if (x->dim[2 + i] < 1 || in[i] < 1)
            return nn_fail(NN_EUSAGE, "%s: of %s, padding %lld leaves no %s", what, NN_TEXT_OF(x),
                           (long long)w->padding[i], i ? "columns" : "rows");
    }
    return 0;
}

static int plan(const kind *k, const nn_tensor *x, const nn_tensor *w, const nn_tensor *b,
                const nn_window *window, nn_conv *conv) {
    nn_window own;
    int64_t other[2];
    NN_TRY(nn_window_read(k->what, window, &own));
    NN_TRY(check_operands(k, x, w, b, own.groups));
    own.kernel[0] = w->dim[2];
    own.kernel[1] = w->dim[3];
    NN_TRY((k->transposed ? window_in : nn_window_out)(k->what, x, &own, other));
    const int64_t *in = k->transposed ? other : x->dim + 2,
                  *out = k->transposed ? x->dim + 2 : other;
    *conv = (nn_conv){.in = {1},
                      .out = {1},
                      .kernel = {1},
                      .stride = {1},
                      .dilation = {1},
                      .channels = (size_t)(w->dim[1] * own.groups),
                      .filters = (size_t)w->dim[0],
                      .groups = (size_t)own.groups};
    for (int i = 0; i < 2; i++) {
        conv->in[1 + i] = (size_t)in[i];
        conv->out[1 + i] = (size_t)out[i];
        conv->kernel[1 + i] = (size_t)own.kernel[i];
        conv->stride[1 + i] = (size_t)own.stride[i];
        conv->dilation[1 + i] = (size_t)own.dilation[i];
        conv->pad[1 + i] = (size_t)own.padding[i];
    }
    return 0;
}

static nn_tensor *convolve(const kind *k, nn_tensor *x, nn_tensor *w, nn_tensor *b,
                           const nn_window *window) {
    nn_op_args args = {.rank = 0};
    nn_tensor_scope scope;
    if (!x || !w || plan(k, x, w, b, window, &args.conv) < 0)
        return NULL;
    nn_tensor_scope_open(&scope);
    nn_tensor *y = nn_op_on_two(k->transposed ? &nn_op_conv_data : &nn_op_conv,
                                nn_tensor_permute(x, (int[]){0, 2, 3, 1}),
                                nn_tensor_permute(w, (int[]){2, 3, 1, 0}), &args);
    if (b)
        y = nn_tensor_add(y, b);
    return nn_tensor_yield(&scope, nn_tensor_permute(y, (int[]){0, 3, 1, 2}));
}

nn_tensor *nn_tensor_conv2d(nn_tensor *x, nn_tensor *w, nn_tensor *b, const nn_window *window) {
    return convolve(&plain, x, w, b, window);
}

nn_tensor *nn_tensor_conv_transpose2d(nn_tensor *x, nn_tensor *w, nn_tensor *b,
                                      const nn_window *window) {
    return convolve(&transposed, x, w, b, window);
}

const nn_op nn_op_conv = {"conv", conv_forward, conv_backward};
const nn_op nn_op_conv_data = {"conv_data", conv_data_forward, conv_data_backward};
const nn_op nn_op_conv_weights = {"conv_weights", conv_weights_forward, conv_weights_backward};
