/* Handwritten digits on all ranks, from arrays in memory: the same program as mnist.* in the other
 * languages and as `nnmpi train` with the same network, which ends with the same parameters, to the
 * bit.
 *
 *   mpirun -n 2 ./mnist FOLDER   with the four files of MNIST, unpacked (gunzip) */
#include <nnmpi/nnmpi.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

static const char net[] = "model: [flatten, dense: {name: fc1, units: 128, activation: relu},\n"
                          "        dense: {name: fc2, units: 10}]\n"
                          "loss: cross_entropy\n"
                          "train: {epochs: 1, batch_size: 64, lr: 0.1}\n"
                          "validate: {metrics: [accuracy]}\n";

/* The bytes of an IDX file behind its header. */
static std::vector<std::uint8_t> read_idx(const std::string &path, std::size_t header) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.size() <= header)
        throw std::runtime_error("no IDX file: " + path);
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
    return bytes;
}

static void add_split(nnmpi::Data &data, const std::string &split, const std::string &files) {
    std::vector<std::uint8_t> labels = read_idx(files + "-labels-idx1-ubyte", 8);
    std::size_t rows = labels.size();
    data.set(split, "x", {read_idx(files + "-images-idx3-ubyte", 16), rows, 28, 28});
    data.set(split, "y", std::move(labels)); /* the data set takes both over */
}

static void learn(const std::string &folder) {
    nnmpi::Comm comm = nnmpi::Comm::world();
    nnmpi::Data data;
    const double scale[] = {1.0 / 255}, offset[] = {0};
    comm.agree([&] {
        add_split(data, "train", folder + "/train");
        add_split(data, "test", folder + "/t10k");
    });
    data.set_scale(scale, offset);
    nnmpi::Config config = nnmpi::Config::parse("mnist", net);
    config.use(data);
    nnmpi::Options options;
    options.run_dir = "";
    nnmpi::Result result = nnmpi::train(comm, config, options);
    if (comm.rank() == 0)
        std::printf("test accuracy %.4f\ndigest %s\n", result.test->metric("accuracy").value,
                    result.digest.c_str());
}

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: mnist FOLDER\n");
        return 2;
    }
    try {
        learn(argv[1]);
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "mnist: %s\n", failure.what());
        return 1;
    }
}
