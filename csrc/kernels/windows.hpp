// One row -> its outputs along x, in 16-bit arithmetic: shuffles bring the neighbors of 8 outputs together,
// one multiply-and-add weighs them.
#pragma once
#include <cstdint>
#include <vector>

#include "cpu.hpp"
#include "kernels/axis.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {

constexpr int COLUMN_UNIT = 32767;  // sum of the weights of an output

// 2 x 8 neighboring samples, counted from axis.low(), and how they make outputs: the 16 bytes that a shuffle
// takes of each 8, and what the 8 samples after that count.
struct Window {
    std::int32_t first[2];
    std::uint8_t order[2][16];
    std::int16_t weight[2][8];
};

// Outputs come in groups of 8 (the last one overlaps the one before, so there are at least 8), of which a
// window serves the first half and the second half. The 8 samples of a half hold all that `n_outputs` outputs
// need, 8 / n_outputs neighbors for each; where one output needs more, `depth` windows follow one another. So
// a group has 4 / n_outputs * depth windows. The last ones reach up to 8 * depth samples beyond axis.high(),
// with weight 0.
struct Windows {
    int n_outputs, depth;
    std::vector<Window> all;

    void plan(const Axis& axis);
};

#if VISION_X86
VISION_TARGET("avx2,fma")
inline __m256i multiply_avx2(const Window& window, bool is_ordered, const std::uint16_t* columns) {
    const auto* low = reinterpret_cast<const __m128i*>(columns + window.first[0]);
    const auto* high = reinterpret_cast<const __m128i*>(columns + window.first[1]);
    __m256i v = _mm256_set_m128i(_mm_loadu_si128(high), _mm_loadu_si128(low));
    if (!is_ordered)
        v = _mm256_shuffle_epi8(v, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(window.order)));
    return _mm256_madd_epi16(v, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(window.weight)));
}

// A group of 8 outputs of one component; moves on to the windows of the next group.
template <int N_OUTPUTS>
VISION_TARGET("avx2,fma")
inline __m256 group_avx2(const Window*& window, int depth, const std::uint16_t* columns) {
    constexpr int N = 4 / N_OUTPUTS;
    __m256i sum[N];
    for (auto& s : sum) {
        s = multiply_avx2(*window++, N_OUTPUTS == 1, columns);
        if constexpr (N_OUTPUTS == 1) {
            for (int d = 1; d < depth; ++d) s = _mm256_add_epi32(s, multiply_avx2(*window++, true, columns));
        }
    }
    if constexpr (N == 4) {
        sum[0] = _mm256_hadd_epi32(sum[0], sum[1]);
        sum[1] = _mm256_hadd_epi32(sum[2], sum[3]);
    }
    if constexpr (N > 1) sum[0] = _mm256_hadd_epi32(sum[0], sum[1]);
    return _mm256_cvtepi32_ps(sum[0]);
}
#endif

}  // namespace vision
