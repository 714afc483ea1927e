/* What tests of the C++ interface have in common: what a call throws. */
#ifndef NNMPI_TESTS_CPP_THROWN_H
#define NNMPI_TESTS_CPP_THROWN_H

#include "check.h"

#include <nnmpi/nnmpi.hpp>

/* The message of what `call` throws, with its code. */
template <class Call> std::string thrown(int code, Call call) {
    try {
        call();
    } catch (const nnmpi::error &e) {
        CHECK_EQ_INT(e.code(), code);
        return e.what();
    }
    return "nothing was thrown";
}
#define THROWS(code, part, call) CHECK_CONTAINS(thrown((code), [&] { call; }).c_str(), part)

#endif
