/* Philox against published vectors, streams, distributions, hashes. */
#include "base/numbers/rng.h"

#include "check.h"

#include <stdlib.h>

static void check_vectors(void) {
    /* Random123 1.09, kat_vectors, philox4x32 10 rounds: counter, key, result. */
    static const uint32_t kat[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};

    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        nn_philox(kat[i], kat[i] + 4, out);
        for (size_t j = 0; j < 4; j++)
            CHECK_EQ_INT(out[j], kat[i][6 + j]);
    }
}

/* Any piece of a stream equals what the definition gives: counter = {element / 4, b}. */
static void check_pieces(void) {
    const uint64_t starts[] = {0, 1, 2, 3, 63, 64, 65, 1000, 0xffffffffull * 4 + 1};
    nn_rng rng = nn_rng_stream(7, NN_RNG_TEST, 1, 0x123456789abcull);

    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        for (size_t n = 0; n < 200; n += 1 + n / 9) {
            uint32_t bits[200];
            nn_rng_bits(&rng, starts[s], n, bits);
            for (size_t i = 0; i < n; i++) {
                uint64_t e = starts[s] + i;
                uint32_t counter[4] = {(uint32_t)(e / 4), (uint32_t)(e / 4 >> 32), 0x56789abc,
                                       0x1234};
                uint32_t out[4];
                nn_philox(counter, rng.key, out);
                CHECK_EQ_INT(bits[i], out[e % 4]);
            }
        }
    }
}

static void check_streams(void) {
    const nn_rng streams[] = {
        nn_rng_stream(1, NN_RNG_TEST, 0, 0), nn_rng_stream(2, NN_RNG_TEST, 0, 0),
        nn_rng_stream(1, NN_RNG_INIT, 0, 0), nn_rng_stream(1, NN_RNG_TEST, 1, 0),
        nn_rng_stream(1, NN_RNG_TEST, 0, 1), nn_rng_stream(0, NN_RNG_TEST, 1, 0)};
    const size_t n = sizeof streams / sizeof *streams;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            uint32_t a[64], b[64];
            int equal = 0;
            nn_rng_bits(&streams[i], 0, 64, a);
            nn_rng_bits(&streams[j], 0, 64, b);
            for (size_t k = 0; k < 64; k++)
                equal += a[k] == b[k];
            CHECK_EQ_INT(equal, 0);
        }
    }
}

#define N (1 << 20)

static void check_uniform(nn_real *x) {
    nn_rng rng = nn_rng_stream(3, NN_RNG_TEST, 0, 5);
    double mean = 0, square = 0, chi = 0;
    int bin[64] = {0};

    nn_rng_uniform(&rng, 0, N, x);
    for (size_t i = 0; i < N; i++) {
        if (!(x[i] >= 0 && x[i] < 1))
            CHECK(x[i] >= 0 && x[i] < 1);
        mean += (double)x[i] / N;
        square += (double)x[i] * (double)x[i] / N;
        bin[(int)(x[i] * 64)]++;
    }
    for (int i = 0; i < 64; i++)
        chi += (bin[i] - N / 64.0) * (bin[i] - N / 64.0) / (N / 64.0);
    CHECK_NEAR(mean, 0.5, 5 * 0.2887 / 1024);
    CHECK_NEAR(square, 1.0 / 3, 5 * 0.2981 / 1024);
    CHECK_NEAR(chi, 63, 60); /* 63 degrees of freedom, sigma 11.2 */
}

/* A piece equals the whole, and both builds agree in the upper 24 bits of the word. */
static void check_uniform_pieces(const nn_real *whole) {
    nn_rng rng = nn_rng_stream(3, NN_RNG_TEST, 0, 5);
    uint32_t bits[256];
    nn_real piece[131];

    nn_rng_uniform(&rng, 77, 131, piece);
    nn_rng_bits(&rng, 0, 256, bits);
    for (size_t i = 0; i < 131; i++) {
        CHECK_NEAR(piece[i], whole[77 + i], 0);
        CHECK_NEAR(floor((double)piece[i] * 0x1p24), bits[77 + i] >> 8, 0);
    }
}

static void check_normal(nn_real *x) {
    nn_rng rng = nn_rng_stream(4, NN_RNG_TEST, 0, 0);
    const double pairs = N / 2.0;
    double moment[5] = {0}, pair = 0;
    nn_real piece[33];

    nn_rng_normal(&rng, 0, N, x);
    for (size_t i = 0; i < N; i++) {
        double p = 1;
        for (int m = 0; m < 5; m++, p *= (double)x[i])
            moment[m] += p / N;
        pair += i % 2 ? (double)x[i] * (double)x[i - 1] / pairs : 0;
    }
    CHECK_NEAR(moment[1], 0, 5.0 / 1024);
    CHECK_NEAR(moment[2], 1, 5 * 1.4142 / 1024);
    CHECK_NEAR(moment[3], 0, 5 * 3.873 / 1024);
    CHECK_NEAR(moment[4], 3, 5 * 9.798 / 1024);
    CHECK_NEAR(pair, 0, 5 * 1.4142 / 1024);
    nn_rng_normal(&rng, 62, 33, piece);
    for (size_t i = 0; i < 33; i++)
        CHECK_NEAR(piece[i], x[62 + i], 0);
}

static void check_hash(void) {
    CHECK(nn_hash_text("") == nn_mix64(0xcbf29ce484222325));
    CHECK(nn_hash_text("a") == nn_mix64(0xaf63dc4c8601ec8c)); /* FNV-1a's published vector */
    CHECK(nn_hash_text("foobar") == nn_mix64(0x85944171f73967e8));
    CHECK(nn_hash_text("fc1/weight") != nn_hash_text("fc2/weight"));
}

int main(void) {
    nn_real *x = malloc(N * sizeof *x);

    if (!CHECK(x != NULL))
        return check_done();
    check_vectors();
    check_pieces();
    check_streams();
    check_uniform(x);
    check_uniform_pieces(x);
    check_normal(x);
    check_hash();
    free(x);
    return check_done();
}
