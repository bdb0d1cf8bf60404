#include "kernels/iou_matrix.hpp"

#include <algorithm>

#include "cpu.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

using Fn = void (*)(const float*, std::size_t, const float*, std::size_t, std::size_t, float*);

float area_of(const float* box) { return std::max(box[2] - box[0], 0.f) * std::max(box[3] - box[1], 0.f); }

// The meaning of this kernel, for columns j0 .. m - 1.
void iou_matrix_scalar(const float* a, std::size_t n, const float* b, std::size_t j0, std::size_t m,
                       float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = j0; j < m; ++j) {
            const float *p = a + 4 * i, *q = b + 4 * j;
            const float w = std::max(std::min(p[2], q[2]) - std::max(p[0], q[0]), 0.f);
            const float h = std::max(std::min(p[3], q[3]) - std::max(p[1], q[1]), 0.f);
            const float inter = w * h, both = area_of(p) + area_of(q) - inter;
            out[i * m + j] = inter > 0 ? inter / both : 0;
        }
    }
}

#if VISION_X86
// 8 columns a step: their boxes are turned into x1, y1, x2, y2 registers once and meet every row. No fma, so
// that every variant rounds alike.
VISION_TARGET("avx2")
void iou_matrix_avx2(const float* a, std::size_t n, const float* b, std::size_t j, std::size_t m,
                     float* out) {
    const __m256 zero = _mm256_setzero_ps();
    for (; j + 8 <= m; j += 8) {
        __m256 r[4];
        for (int k = 0; k < 4; ++k) {
            const float* from = b + 4 * (j + k);
            r[k] = _mm256_set_m128(_mm_loadu_ps(from + 16), _mm_loadu_ps(from));
        }
        const __m256 lo01 = _mm256_unpacklo_ps(r[0], r[1]), hi01 = _mm256_unpackhi_ps(r[0], r[1]);
        const __m256 lo23 = _mm256_unpacklo_ps(r[2], r[3]), hi23 = _mm256_unpackhi_ps(r[2], r[3]);
        const __m256 x1 = _mm256_shuffle_ps(lo01, lo23, 0x44), y1 = _mm256_shuffle_ps(lo01, lo23, 0xee);
        const __m256 x2 = _mm256_shuffle_ps(hi01, hi23, 0x44), y2 = _mm256_shuffle_ps(hi01, hi23, 0xee);
        const __m256 area = _mm256_mul_ps(_mm256_max_ps(_mm256_sub_ps(x2, x1), zero),
                                          _mm256_max_ps(_mm256_sub_ps(y2, y1), zero));
        for (std::size_t i = 0; i < n; ++i) {
            const float* p = a + 4 * i;
            const __m256 right = _mm256_min_ps(x2, _mm256_broadcast_ss(p + 2));
            const __m256 left = _mm256_max_ps(x1, _mm256_broadcast_ss(p));
            const __m256 lower = _mm256_min_ps(y2, _mm256_broadcast_ss(p + 3));
            const __m256 upper = _mm256_max_ps(y1, _mm256_broadcast_ss(p + 1));
            const __m256 inter = _mm256_mul_ps(_mm256_max_ps(_mm256_sub_ps(right, left), zero),
                                               _mm256_max_ps(_mm256_sub_ps(lower, upper), zero));
            const __m256 both = _mm256_sub_ps(_mm256_add_ps(_mm256_set1_ps(area_of(p)), area), inter);
            const __m256 some = _mm256_cmp_ps(inter, zero, _CMP_GT_OQ);
            _mm256_storeu_ps(out + i * m + j, _mm256_and_ps(some, _mm256_div_ps(inter, both)));
        }
    }
    _mm256_zeroupper();
    iou_matrix_scalar(a, n, b, j, m, out);
}
#endif

const Variants<Fn> kVariants = {
    iou_matrix_scalar,
#if VISION_X86
    nullptr,
    iou_matrix_avx2,
#endif
};

}  // namespace

void iou_matrix(const float* a, std::size_t n, const float* b, std::size_t m, float* out) {
    kVariants.pick()(a, n, b, 0, m, out);
}

}  // namespace vision
