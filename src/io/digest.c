#include "io/digest.h"

#include <openssl/evp.h>

/* The object is OpenSSL's own context under our name, so nothing has to be allocated around it. */

static EVP_MD_CTX *context_of(nn_digest *digest) {
    return (EVP_MD_CTX *)digest;
}

int nn_digest_new(nn_digest **out) {
    *out = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL)
        return nn_fail(NN_EMEMORY, "no memory for a SHA-256 context");
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return nn_fail(NN_EIO, "libcrypto offers no SHA-256 on this machine");
    }
    *out = (nn_digest *)context;
    return 0;
}

/* Once initialised, SHA-256 in software has no way to fail: updates are not checked. */
void nn_digest_add(nn_digest *digest, const void *bytes, size_t count) {
    EVP_DigestUpdate(context_of(digest), bytes, count);
}

void nn_digest_end(nn_digest *digest, char hex[NN_DIGEST_HEX]) {
    static const char digit[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(context_of(digest), hash, NULL);
    EVP_MD_CTX_free(context_of(digest));
    for (size_t i = 0; i < (NN_DIGEST_HEX - 1) / 2; i++) {
        hex[2 * i] = digit[hash[i] >> 4];
        hex[2 * i + 1] = digit[hash[i] & 15];
    }
    hex[NN_DIGEST_HEX - 1] = '\0';
}
