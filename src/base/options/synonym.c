/* What PyTorch, Keras, Caffe and papers call the things that have other names here. */
#include "base/options/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_WORD = 64 };

typedef struct synonym {
    const char *name, *words; /* ours; theirs, in small letters without _ and with blanks between */
} synonym;

static const synonym synonyms[] = {
    /* losses */
    {"squared", "mse mseloss meansquarederror l2 l2loss euclideanloss quadratic leastsquares"},
    {"absolute", "mae l1 l1loss maeloss meanabsoluteerror"},
    {"huber", "smoothl1 smoothl1loss huberloss"},
    {"cross_entropy", "ce celoss crossentropyloss nll nllloss softmaxcrossentropy softmaxwithloss "
                      "categoricalcrossentropy sparsecategoricalcrossentropy logloss"},
    {"binary_cross_entropy", "bce bceloss bcewithlogits bcewithlogitsloss sigmoidcrossentropy "
                             "sigmoidcrossentropyloss"},
    {"hinge", "hingeloss svm marginloss multimarginloss"},
    /* layers and activations */
    {"dense", "linear fc fullyconnected innerproduct affine"},
    {"conv1d", "convolution1d"},
    {"conv2d", "conv convolution convolution2d"},
    {"conv3d", "convolution3d"},
    {"batch_norm", "bn batchnorm1d batchnorm2d batchnorm3d batchnormalization"},
    {"layer_norm", "ln layernormalization"},
    {"attention", "multiheadattention mha selfattention scaleddotproductattention"},
    {"conv_transpose2d", "convtranspose deconv deconvolution conv2dtranspose transposedconv"},
    {"conv_transpose1d", "conv1dtranspose"},
    {"conv_transpose3d", "conv3dtranspose"},
    {"upsample1d", "upsampling1d"},
    {"upsample3d", "upsampling3d"},
    {"upsample", "upsampling upsampling2d interpolate resize"},
    {"pad", "padding zeropad2d zeropadding2d reflectionpad2d replicationpad2d"},
    {"mean", "globalaveragepooling1d"},
    {"transpose", "permute swapaxes swapdims"},
    {"slice", "crop narrow cropping1d cropping2d"},
    {"positions", "positionalencoding positionalembedding positionembedding"},
    {"glu", "swiglu geglu"},
    {"rms_norm", "rms rmsnormalization"},
    {"group_norm", "gn groupnormalization instancenorm instancenorm2d"},
    {"max_pool", "pool pooling maxpool2d maxpooling maxpooling2d"},
    {"max_pool1d", "maxpooling1d"},
    {"max_pool3d", "maxpooling3d"},
    {"avg_pool1d", "averagepool1d averagepooling1d"},
    {"avg_pool3d", "averagepool3d averagepooling3d"},
    {"avg_pool", "avgpool2d averagepool averagepooling averagepooling2d meanpool"},
    {"global_avg_pool", "gap globalaveragepooling globalaveragepooling2d globalaveragepooling3d "
                        "adaptiveavgpool2d adaptiveavgpool3d"},
    {"reshape", "view unflatten"},
    {"add", "residual sum"},
    {"concat", "cat concatenate"},
    {"rnn", "simplernn elman"},
    {"graph_conv", "gcn gcnconv"},
    {"swish", "silu"},
    /* optimisers and schedules */
    {"momentum", "sgdm sgdmomentum sgdwithmomentum heavyball"},
    {"nesterov", "nag nesterovmomentum nesterovaccelerated"},
    {"step", "steplr stepdecay"},
    {"multistep", "multisteplr piecewiseconstant"},
    {"exponential", "exponentiallr exponentialdecay"},
    {"cosine", "cosineannealing cosineannealinglr cosinedecay"},
    {"reduce_on_plateau", "plateau reducelronplateau"},
    {"polynomial", "poly polynomiallr polynomialdecay"},
    {"inverse_time", "inv inversetimedecay"},
    /* initialisers */
    {"xavier_uniform", "xavier glorot"},
    {"he_normal", "he kaiming msra"},
    {"normal", "gaussian randomnormal"},
    {"uniform", "randomuniform"},
    {"constant", "ones"},
    /* metrics */
    {"accuracy", "acc categoricalaccuracy"},
    {"top_k", "top5 topkaccuracy"},
    {"auc", "auroc rocauc"},
    {"mae", "l1 meanabsoluteerror"},
    {"rmse", "mse rootmeansquarederror meansquarederror"},
    {"f1", "f1score fscore"},
    {"confusion", "confusionmatrix"},
    {"recall", "sensitivity"},
    /* options */
    {"units", "outfeatures neurons numunits hiddensize hidden embeddingdim"},
    {"filters", "outchannels channels numoutput"},
    {"vocabulary", "numembeddings inputdim most vocabsize"},
    {"layers", "numlayers"},
    {"rate", "p prob probability"},
    {"kernel", "kernelsize"},
    {"precision", "amp autocast dtype mixedprecision"},
    {"context", "maxlen blocksize"},
    {"scale", "scalefactor"},
    {"edge", "replicate"},
    {"max_steps", "maxiter iterations"},
    /* verbs */
    {"train", "fit run"},
    {"eval", "test evaluate evaluation validate score"},
    {"predict", "infer inference"},
    {"inspect", "show summary"},
};

/* Small letters and digits alone: "Conv-2D" and "conv_2d" are the same word. */
static void squeeze(char out[MAX_WORD], const char *word) {
    size_t n = 0;

    for (; *word && n < MAX_WORD - 1; word++)
        if (isalnum((unsigned char)*word))
            out[n++] = (char)tolower((unsigned char)*word);
    out[n] = '\0';
}

static bool has_word(const char *words, const char *word) {
    size_t length = strlen(word);

    for (const char *at = words; (at = strstr(at, word)) != NULL; at++)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

const char *nn_synonym(const char *word, const char *const *candidates) {
    char squeezed[MAX_WORD];

    squeeze(squeezed, word);
    if (!*squeezed)
        return NULL;
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        for (const char *const *c = candidates; *c && has_word(synonyms[i].words, squeezed); c++)
            if (strcmp(*c, synonyms[i].name) == 0)
                return *c;
    return NULL;
}
