/* nnmpi: neural networks on CPU clusters, synchronously data-parallel. Include this one header. */
#ifndef NNMPI_NNMPI_H
#define NNMPI_NNMPI_H

#include <nnmpi/checkpoint.h>
#include <nnmpi/comm.h>
#include <nnmpi/config.h>
#include <nnmpi/data.h>
#include <nnmpi/error.h>
#include <nnmpi/extend.h>
#include <nnmpi/generate.h>
#include <nnmpi/help.h>
#include <nnmpi/log.h>
#include <nnmpi/model.h>
#include <nnmpi/tensor.h>
#include <nnmpi/train.h>
#include <nnmpi/training.h>
#include <nnmpi/version.h>

#endif
