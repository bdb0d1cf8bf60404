// Which instruction set the kernels use: found once, may be lowered by VISION_SIMD and by tests.
#pragma once
#include <string>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#define VISION_X86 1
#if defined(__GNUC__) || defined(__clang__)
#define VISION_TARGET(isa) __attribute__((target(isa)))
#else
#define VISION_TARGET(isa)  // MSVC compiles any intrinsic without a flag
#endif
#elif defined(__aarch64__)
#define VISION_NEON 1
#endif

namespace vision {

enum class Simd { scalar = 0, neon = 1, avx2 = 2, avx512 = 3 };

Simd simd_level();                             // level in use now
std::vector<Simd> simd_levels();               // levels this CPU can run, lowest first
void set_simd_level(const std::string& name);  // throws std::invalid_argument
const char* name_of(Simd level) noexcept;

// The variants of one kernel. A null entry falls back to the next lower one. An AVX variant that ends in its
// scalar loop calls _mm256_zeroupper() first: GCC 12 leaves it out before a tail call, and all SSE code after
// it, even in other libraries, then runs several times slower (measured).
template <typename Fn>
struct Variants {
    Fn scalar;
    Fn neon = nullptr, avx2 = nullptr, avx512 = nullptr;

    Fn pick() const {
        const Simd level = simd_level();
        if (level == Simd::avx512 && avx512) return avx512;
        if (level >= Simd::avx2 && avx2) return avx2;
        if (level == Simd::neon && neon) return neon;
        return scalar;
    }
};

}  // namespace vision
