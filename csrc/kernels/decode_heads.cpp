#include "kernels/decode_heads.hpp"

#include <algorithm>
#include <cmath>

#include "cpu.hpp"
#include "kernels/suppress.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

using Fn = void (*)(const float*, std::size_t, std::size_t, std::size_t, float, std::vector<int>&);

// The meaning of the first step: rows i .. n - 1 whose quality is not at or below the threshold, NaN among
// them.
void survivors_scalar(const float* rows, std::size_t row_size, std::size_t i, std::size_t n, float threshold,
                      std::vector<int>& out) {
    for (; i < n; ++i) {
        if (!(rows[i * row_size] <= threshold)) out.push_back(static_cast<int>(i));
    }
}

#if VISION_X86
// 8 qualities a step, gathered from their rows: one test for the usual case that none survives.
VISION_TARGET("avx2")
void survivors_avx2(const float* rows, std::size_t row_size, std::size_t i, std::size_t n, float threshold,
                    std::vector<int>& out) {
    const __m256i lanes = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                             _mm256_set1_epi32(static_cast<int>(row_size)));
    const __m256 limit = _mm256_set1_ps(threshold);
    for (; i + 8 <= n; i += 8) {
        const __m256 quality = _mm256_i32gather_ps(rows + i * row_size, lanes, 4);
        int mask = _mm256_movemask_ps(_mm256_cmp_ps(quality, limit, _CMP_NLE_UQ));
        for (; mask != 0; mask &= mask - 1) out.push_back(static_cast<int>(i) + __builtin_ctz(mask));
    }
    _mm256_zeroupper();
    survivors_scalar(rows, row_size, i, n, threshold, out);
}
#endif

const Variants<Fn> kVariants = {
    survivors_scalar,
#if VISION_X86
    nullptr,
    survivors_avx2,
#endif
};

struct Point {
    float x, y, stride;
};

Point point_of(std::size_t row, const HeadShape& shape) {
    for (int stride : shape.strides) {
        const std::size_t columns = shape.width / stride, n = columns * (shape.height / stride);
        if (row < n) {
            const float s = static_cast<float>(stride);
            return {(static_cast<float>(row % columns) + .5f) * s,
                    (static_cast<float>(row / columns) + .5f) * s, s};
        }
        row -= n;
    }
    return {};
}

// Geometry in pixels of the source picture.
void place(const float* raw, const Point& point, const HeadShape& shape, const HeadRules& rules, float* out) {
    for (int i = 0; i < shape.geometry; ++i) {
        const bool is_x = i % 2 == 0, is_before = shape.geometry == 4 && i < 2;
        const double q =
            double{is_x ? point.x : point.y} + (is_before ? -1. : 1.) * point.stride * raw[i] + .5;
        out[i] = static_cast<float>(is_x ? q / rules.scale_x + rules.origin_x
                                         : q / rules.scale_y + rules.origin_y);
    }
}

Rect around(const float* g, int geometry) {
    if (geometry == 4) return {g[0], g[1], g[2], g[3]};
    Rect box = {g[0], g[1], g[0], g[1]};
    for (int i = 2; i < geometry; i += 2) {
        box = {std::min(box.x1, g[i]), std::min(box.y1, g[i + 1]), std::max(box.x2, g[i]),
               std::max(box.y2, g[i + 1])};
    }
    return box;
}

void softmax(const float* logits, int n, std::vector<float>& out) {
    const float top = n > 0 ? *std::max_element(logits, logits + n) : 0;
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += std::exp(double{logits[i]} - top);
    for (int i = 0; i < n; ++i) out.push_back(static_cast<float>(std::exp(double{logits[i]} - top) / sum));
}

}  // namespace

std::size_t HeadShape::n_points() const {
    std::size_t n = 0;
    for (int stride : strides) n += static_cast<std::size_t>(width / stride) * (height / stride);
    return n;
}

std::ptrdiff_t decode_heads(const float* rows, const HeadShape& shape, const HeadRules& rules, Heads& out) {
    thread_local std::vector<int> order;
    thread_local Kept kept;
    const std::size_t size = shape.row_size();
    const float threshold = static_cast<float>(std::log(rules.min_score) - std::log1p(-rules.min_score));
    order.clear();
    kVariants.pick()(rows, size, 0, shape.n_points(), threshold, order);
    for (int row : order) {
        for (std::size_t i = 0; i < size; ++i) {
            if (!std::isfinite(rows[row * size + i])) return row;
        }
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return rows[a * size] > rows[b * size]; });
    out = {};
    kept.clear();
    for (int row : order) {
        if (kept.size() == static_cast<std::size_t>(rules.limit)) break;
        const float* values = rows + row * size;
        float geometry[8] = {};
        place(values + 1 + shape.n_classes, point_of(row, shape), shape, rules, geometry);
        if (!kept.add(around(geometry, shape.geometry), rules.max_iou)) continue;
        out.geometry.insert(out.geometry.end(), geometry, geometry + shape.geometry);
        out.scores.push_back(static_cast<float>(1 / (1 + std::exp(-double{values[0]}))));
        softmax(values + 1, shape.n_classes, out.probs);
    }
    return -1;
}

}  // namespace vision
