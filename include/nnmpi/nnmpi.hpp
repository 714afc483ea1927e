/* The C++ interface (C++17): a thin layer over the C headers, which say of each function what it
 * does and whether it is Collective (all ranks call it) or Local. What it adds:
 *
 * - Objects own what they name and free it; they move and are not copied. What an object uses (a
 * Training its Comm, Config and Data, a Config its Data) lives as long as it does, whichever object
 * goes first. Where an object has been moved from or closed, its functions throw.
 * - Failures are exceptions: nnmpi::error, with the code, the message and the trace of the C
 * function.
 * - Arrays are given by containers or pointers, with their types deduced (Array), or as
 * nnmpi::span, which is std::span where there is one (C++20) and else a small view of the same
 * meaning.
 * - Callbacks are std::function. What they throw ends the call that they were called from.
 *
 * Intended usage:
 *
 *   nnmpi::Comm comm = nnmpi::Comm::world();
 *   nnmpi::Data data;
 *   data.set("train", "x", {pixels, rows, 784}).set("train", "y", labels);
 *   nnmpi::Config config = nnmpi::Config::parse("digits", "model: ...");
 *   config.use(data);
 *   std::cout << nnmpi::train(comm, config).digest << "\n"; */
#ifndef NNMPI_NNMPI_HPP
#define NNMPI_NNMPI_HPP

#include <nnmpi/cpp/base.hpp>
#include <nnmpi/cpp/data.hpp>
#include <nnmpi/cpp/extend.hpp>
#include <nnmpi/cpp/generate.hpp>
#include <nnmpi/cpp/operations.hpp>
#include <nnmpi/cpp/optimizer.hpp>
#include <nnmpi/cpp/predict.hpp>
#include <nnmpi/cpp/tensor.hpp>
#include <nnmpi/cpp/train.hpp>

#endif
