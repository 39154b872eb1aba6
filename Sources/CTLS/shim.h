#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

// Macros, which Swift does not import.
static inline int firn_tls_require_1_2(SSL_CTX *context) {
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}
