/* Fisher's iris flowers on all ranks, the same program as iris.* in the other languages and as
 * `nnmpi` alone: it ends with the same parameters, to the bit. */
#include <nnmpi/nnmpi.hpp>

#include <cstdio>

static void learn() {
    nnmpi::Comm comm = nnmpi::Comm::world();
    nnmpi::Config config = nnmpi::Config::iris();
    nnmpi::Options options;
    options.run_dir = ""; /* nothing is written */
    nnmpi::Result result = nnmpi::train(comm, config, options);
    if (comm.rank() == 0)
        std::printf("test accuracy %.4f\ndigest %s\n", result.test->metric("accuracy").value,
                    result.digest.c_str());
}

int main() {
    try {
        learn();
    } catch (const nnmpi::error &failure) {
        std::fprintf(stderr, "iris: %s\n", failure.what());
        return failure.exit_code();
    }
}
