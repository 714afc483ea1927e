/* timeout: 60 */
/* The bits of the kernels of bfloat16, as bits.c, on processors that have them. */
#include "bits_products.h"

static const nn_bf16_kernels *bf16;

static nn_real *pairs(size_t n) {
    nn_real *x = numbers(2 * n), *to = take(n);
    bf16->round(2 * n, x, to);
    return to;
}

static void run_bf16_round(void) {
    EACH_LENGTH(n) {
        nn_real *x = numbers(n), *to = take((n + 1) / 2);
        bf16->round(n, x, to);
        hash_bytes((n + 1) / 2 * sizeof *to, to);
        give_back();
    }
}

static void run_bf16_join(void) {
    EACH_LENGTH(n) {
        nn_real *x = numbers(n), *y = numbers(n), *to = take(n);
        bf16->join(n, x, y, to);
        hash_bytes(n * sizeof *to, to);
        bf16->join(n, x, NULL, to);
        hash_bytes(n * sizeof *to, to);
        give_back();
    }
}

static void run_bf16_conv_rows(void) {
    hash_conv_rows(bf16->conv_rows, pairs);
}

static void run_bf16_conv_sums(void) {
    hash_conv_sums(bf16->conv_sums, pairs);
}

static void run_bf16_conv_remainder(void) {
    hash_conv_remainder(bf16->conv_remainder, pairs);
}

static void run_bf16_conv_remainder_sums(void) {
    hash_conv_remainder_sums(bf16->conv_remainder_sums, pairs);
}

/* clang-format off */
static const kernel_case cases[] = {
    ROW(bf16_round) ROW(bf16_join) ROW(bf16_conv_rows) ROW(bf16_conv_sums)
    ROW(bf16_conv_remainder) ROW(bf16_conv_remainder_sums)
};
/* clang-format on */
#define CASES (sizeof cases / sizeof cases[0])

int main(int argc, char **argv) {
    (void)argv;
    k = nn_kernels_get();
    bf16 = nn_kernels_bf16();
    if (!bf16) {
        fprintf(stderr, "this processor has no AVX512_BF16: skipped\n");
        return 77;
    }
    if (argc > 1) {
        print_table(cases, CASES);
        return 0;
    }
    check_complete(cases, CASES, sizeof *bf16 / sizeof(void (*)(void)), 1); /* multiply_adds */
    FILE *golden = open_golden();
    if (CHECK(golden != NULL)) {
        check_table(golden, cases, CASES);
        fclose(golden);
    }
    return check_done();
}
