/* The model that the layers of a graph have become. */
#include "exchange/onnx/convert.h"
#include "io/yaml/yaml.h"

#include <math.h>
#include <string.h>

/* The last layer, where it is an activation that a loss has: it is left to the loss. */
static const char *loss_of(nn_onnx_conversion *c) {
    static const struct {
        const char *kind, *loss;
    } fused[] = {{"softmax", "cross_entropy"}, {"sigmoid", "binary_cross_entropy"}};
    for (size_t i = 0; i < sizeof fused / sizeof *fused && c->model->count > 1; i++)
        if (strcmp(c->last->kind, fused[i].kind) == 0 && !nn_node_get(c->last->options, "inputs")) {
            c->model->count--;
            return fused[i].loss;
        }
    return "squared";
}

/* {data: {source: memory}, model: [...], loss: ..., train: {batch_size: 32}} */
static int write_config(nn_onnx_conversion *c, const char *loss, char **config) {
    nn_node *root;
    char *head = nn_pool_printf(
        c->pool, "{data: {source: memory}, loss: %s, train: {batch_size: 32}}", loss);
    if (!head)
        return NN_EMEMORY;
    NN_TRY(nn_yaml_parse(c->pool, "configuration", head, strlen(head), &root));
    NN_TRY(nn_node_add(root, "model", c->model));
    return nn_yaml_emit(c->pool, root, config);
}

static bool is_table(const char *kind) {
    return strcmp(kind, "dense") == 0 || strcmp(kind, "embedding") == 0;
}

/* Layers of one kind, or an embedding and a dense layer, have one constant as their weights. */
static bool share(const nn_onnx_weight *a, const nn_onnx_weight *b) {
    const char *one = a->layer->kind, *other = b->layer->kind;
    return a->matrix && b->matrix && a->matrix->bytes == b->matrix->bytes &&
           a->matrix->rank == b->matrix->rank && a->turned == b->turned && a->count == b->count &&
           a->layer != b->layer && strcmp(a->param, b->param) == 0 &&
           (strcmp(one, other) == 0 || (is_table(one) && is_table(other)));
}

/* The later one of two such layers is tied to the first. */
static int tie_weights(nn_onnx_conversion *c) {
    for (size_t i = 1; i < c->weights; i++) {
        nn_onnx_weight *w = &c->weight[i];
        size_t k = 0;
        while (k < i && !share(&c->weight[k], w))
            k++;
        if (k == i || nn_node_get(w->layer->options, "tie"))
            continue;
        w->tied = true;
        NN_TRY(
            nn_node_add_text(w->layer->options, "tie",
                             nn_pool_printf(c->pool, "%s.%s", c->weight[k].layer->name, w->param)));
    }
    return 0;
}

static int fill(nn_onnx_conversion *c, const nn_onnx_weight *weight) {
    const nn_param *const *param;
    size_t params = nn_model_params(c->p->model, &param);
    for (size_t i = 0; i < params; i++) {
        if (strcmp(param[i]->layer->name, weight->layer->name) != 0 ||
            strcmp(param[i]->name, weight->param) != 0)
            continue;
        if (param[i]->count != weight->count)
            break;
        nn_param_import(param[i], weight->numbers, c->p->params + param[i]->offset);
        return 0;
    }
    return nn_fail(NN_EFORMAT, "%s: the %s of layer '%s' has another shape than the model wants",
                   c->file->constants.file, weight->param, weight->layer->name);
}

static bool takes(const nn_onnx_item *item, const nn_shape *in) {
    bool right = item->takes.rank == 0 || item->takes.rank == in->rank;
    for (int i = 0; right && i < item->takes.rank; i++)
        right = item->takes.dim[i] == -1 || item->takes.dim[i] == in->dim[i];
    return right;
}

/* What nodes say of the samples that they are for holds for those of their layers: the axis that
 * they work along by the rank, or the sizes. */
static int check_shapes(const nn_onnx_conversion *c) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(c->p->model, &layer);
    for (const nn_onnx_item *item = c->last; item; item = item->above) {
        nn_shape in = nn_model_output_shape(c->p->model); /* of one that the loss has */
        for (size_t i = 1; (item->ranks || item->takes.rank) && i < layers; i++)
            if (strcmp(layer[i]->name, item->name) == 0)
                in = layer[i]->in[0];
        if (!takes(item, &in))
            return nn_fail(NN_EUSAGE, "%s: node '%s' is not for the samples that the layer %s gets",
                           c->file->constants.file, item->node, item->kind);
        if (item->ranks && !(item->ranks >> in.rank & 1))
            return nn_fail(NN_EUSAGE,
                           "%s: node '%s' works along another axis than the layer %s does",
                           c->file->constants.file, item->node, item->kind);
    }
    return 0;
}

/* Lengths of sequences are those of all layers that heed them. */
static int check_lengths(const nn_onnx_conversion *c) {
    const nn_onnx_item *some = NULL, *none = NULL;
    for (const nn_onnx_item *item = c->last; item; item = item->above) {
        some = item->heeds_lengths && item->lengths ? item : some;
        none = item->heeds_lengths && !item->lengths ? item : none;
    }
    if (!some || !none)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "%s: node '%s' takes lengths of sequences, '%s' does not; in nnmpi recurrent "
                   "layers, attention and mean all do where a data set has len",
                   c->file->constants.file, some->node, none->node);
}

/* What is known of targets: classes where the loss is one for them. */
static void set_targets(nn_portable *p, const char *loss) {
    nn_shape out = nn_model_output_shape(p->model);
    nn_data_traits *data = &p->data;
    size_t outputs = nn_shape_count(&out), last = (size_t)out.dim[out.rank - 1];
    data->target_width = outputs;
    data->labels = strcmp(loss, "cross_entropy") == 0 ||
                   (strcmp(loss, "binary_cross_entropy") == 0 && outputs == 1);
    if (!data->labels)
        return;
    data->target_width = outputs / last;
    data->classes = last == 1 ? 2 : (int64_t)last;
}

/* x scale + offset is (x + offset / scale) / (1 / scale), which holds for data of any type. */
static int set_normal(nn_onnx_conversion *c) {
    for (size_t i = 0; i < c->affine; i++) {
        double std = 1 / c->scale[i], mean = -c->offset[i] / c->scale[i];
        if (!(std > 0) || !isfinite(std) || !isfinite(mean))
            return nn_fail(NN_EUSAGE,
                           "%s: samples are scaled by %g + %g before the first layer; the factor "
                           "should be above 0",
                           c->file->constants.file, c->scale[i], c->offset[i]);
        c->scale[i] = std;
        c->offset[i] = mean;
    }
    c->p->data.normal = (nn_normal){c->affine, c->offset, c->scale};
    return 0;
}

int nn_onnx_build(nn_onnx_conversion *c) {
    nn_portable *p = c->p;
    const char *output = c->file->output[0].name;
    NN_TRY(nn_onnx_layer_of_expression(c, output));
    const nn_onnx_value *y = nn_onnx_find_value(c, output);
    const char *file = c->file->constants.file;
    size_t numbers = 0;
    char *config;
    if (c->refused.count)
        return nn_fail(NN_EUSAGE, "%s: these nodes stand for no layer of nnmpi: %.*s", file,
                       (int)c->refused.count, (const char *)c->refused.at);
    if (!y || y->form != NN_ONNX_SAMPLES || !c->last || y->layer != c->last ||
        y->more != c->last->more || !nn_onnx_fix_states(y))
        return nn_fail(NN_EUSAGE, "%s: the output is not what the last layer gives, [N, ...]",
                       file);
    const char *loss = loss_of(c);
    NN_TRY(tie_weights(c));
    NN_TRY(write_config(c, loss, &config));
    NN_TRY(set_normal(c));
    NN_TRY(nn_portable_build(p, file, config));
    NN_TRY(check_shapes(c));
    NN_TRY(check_lengths(c));
    if (nn_model_output_shape(p->model).rank >= 3)
        return nn_fail(
            NN_EUSAGE,
            "%s: the model ends with an image or a volume, whose numbers nnmpi gives in another "
            "order, channels last: end it with Flatten",
            file);
    set_targets(p, loss);
    for (size_t i = 0; i < c->weights; i++)
        numbers += c->weight[i].count;
    NN_TRY(nn_portable_allocate(p, file, numbers));
    for (size_t i = 0; i < c->weights; i++)
        NN_TRY(c->weight[i].tied ? 0 : fill(c, &c->weight[i]));
    return 0;
}
