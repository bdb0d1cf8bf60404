#include "kernels/suppress.hpp"

#include <algorithm>

#include "cpu.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

struct Columns {
    const float *x1, *y1, *x2, *y2, *area;
};

using Fn = bool (*)(const Columns&, std::size_t, std::size_t, const Rect&, float, float);

float area_of(const Rect& box) { return std::max(box.x2 - box.x1, 0.f) * std::max(box.y2 - box.y1, 0.f); }

// The meaning of this kernel: does any of the boxes i .. n - 1 overlap by more than max_iou?
bool overlaps_scalar(const Columns& kept, std::size_t i, std::size_t n, const Rect& box, float area,
                     float max_iou) {
    for (; i < n; ++i) {
        const float w = std::max(std::min(kept.x2[i], box.x2) - std::max(kept.x1[i], box.x1), 0.f);
        const float h = std::max(std::min(kept.y2[i], box.y2) - std::max(kept.y1[i], box.y1), 0.f);
        const float inter = w * h;
        if (inter > max_iou * (kept.area[i] + area - inter)) return true;
    }
    return false;
}

#if VISION_X86
// 8 kept boxes a step; no fma, so that every variant rounds alike.
VISION_TARGET("avx2")
bool overlaps_avx2(const Columns& kept, std::size_t i, std::size_t n, const Rect& box, float area,
                   float max_iou) {
    const __m256 zero = _mm256_setzero_ps(), limit = _mm256_set1_ps(max_iou), own = _mm256_set1_ps(area);
    const __m256 x1 = _mm256_set1_ps(box.x1), y1 = _mm256_set1_ps(box.y1);
    const __m256 x2 = _mm256_set1_ps(box.x2), y2 = _mm256_set1_ps(box.y2);
    for (; i + 8 <= n; i += 8) {
        const __m256 right = _mm256_min_ps(_mm256_loadu_ps(kept.x2 + i), x2);
        const __m256 left = _mm256_max_ps(_mm256_loadu_ps(kept.x1 + i), x1);
        const __m256 lower = _mm256_min_ps(_mm256_loadu_ps(kept.y2 + i), y2);
        const __m256 upper = _mm256_max_ps(_mm256_loadu_ps(kept.y1 + i), y1);
        const __m256 w = _mm256_max_ps(_mm256_sub_ps(right, left), zero);
        const __m256 h = _mm256_max_ps(_mm256_sub_ps(lower, upper), zero);
        const __m256 inter = _mm256_mul_ps(w, h);
        const __m256 both = _mm256_sub_ps(_mm256_add_ps(_mm256_loadu_ps(kept.area + i), own), inter);
        if (_mm256_movemask_ps(_mm256_cmp_ps(inter, _mm256_mul_ps(limit, both), _CMP_GT_OQ)) != 0)
            return true;
    }
    _mm256_zeroupper();
    return overlaps_scalar(kept, i, n, box, area, max_iou);
}
#endif

const Variants<Fn> kVariants = {
    overlaps_scalar,
#if VISION_X86
    nullptr,
    overlaps_avx2,
#endif
};

}  // namespace

void Kept::clear() {
    for (auto* column : {&x1_, &y1_, &x2_, &y2_, &area_}) column->clear();
}

bool Kept::add(const Rect& box, float max_iou) {
    const float area = area_of(box);
    const Columns kept = {x1_.data(), y1_.data(), x2_.data(), y2_.data(), area_.data()};
    if (kVariants.pick()(kept, 0, size(), box, area, max_iou)) return false;
    x1_.push_back(box.x1);
    y1_.push_back(box.y1);
    x2_.push_back(box.x2);
    y2_.push_back(box.y2);
    area_.push_back(area);
    return true;
}

}  // namespace vision
