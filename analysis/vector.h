/*
 * Vector: the marks for inner loops. A loop that bears VECTOR_CLONES is compiled once for every
 * processor and once for those with 256-bit vectors, and the loader chooses. Both are the same C,
 * without fused multiply-add: they give the same bits.
 */
#ifndef TUMORD_ANALYSIS_VECTOR_H
#define TUMORD_ANALYSIS_VECTOR_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define VECTOR_SANITIZED
#endif
#endif

/* The loader chooses before the sanitizers are ready. */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__SANITIZE_ADDRESS__) \
    && !defined(VECTOR_SANITIZED)
#define VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define VECTOR_CLONES
#endif

#endif
