#include "train/config/settings.h"

/* datasets/iris/iris.yaml word for word, so that the program needs no file;
 * tests/train/config/config.c compares the two. */
const char nn_default_config[] =
    "# Fisher's iris flowers: the first 40 of each species train, the last 10 test.\n"
    "# A 4-6-3 network of sigmoid units with a softmax output; what `nnmpi` trains\n"
    "# when it is told nothing else.\n"
    "data: {source: iris}\n"
    "model:\n"
    "  - dense: {name: hidden, units: 6, activation: sigmoid, init: xavier_normal}\n"
    "  - dense: {name: output, units: 3, init: xavier_normal}\n"
    "loss: cross_entropy # softmax is fused in\n"
    "train:\n"
    "  epochs: 200\n"
    "  batch_size: 30\n"
    "  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}\n"
    "# There is no validation split, and the test rows stay unseen until the end.\n"
    "validate: {split: train, every_epochs: 50}\n"
    "checkpoint: {every_epochs: 50}\n";
