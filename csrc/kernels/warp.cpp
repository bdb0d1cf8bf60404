#include "kernels/warp.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

// Output point (x, y) in pixels comes from ((a x + b y + c) / w, (d x + e y + f) / w), w = g x + h y + 1.
struct Mapping {
    float a, b, c, d, e, f, g, h;
    int nx, ny;  // points per output pixel and axis
};

using Fn = void (*)(const Picture&, const Mapping&, int, int, int, std::uint8_t*);

// Index and fraction of a sample position, the edge repeated; NaN becomes 0.
struct Spot {
    int index;
    float share;
};

Spot spot_of(float position, int n) {
    const float last = static_cast<float>(n - 1);
    const float p = position > 0 ? (position < last ? position : last) : 0;
    const int index = std::min(static_cast<int>(p), std::max(n - 2, 0));
    return {index, p - static_cast<float>(index)};
}

float sample(const Component& part, float u, float v) {
    const Spot x = spot_of(u * part.share - .5f, part.width), y = spot_of(v * part.share - .5f, part.height);
    const int right = std::min(x.index + 1, part.width - 1), below = std::min(y.index + 1, part.height - 1);
    const float tl = part.at(x.index, y.index), tr = part.at(right, y.index);
    const float bl = part.at(x.index, below), br = part.at(right, below);
    const float top = tl + x.share * (tr - tl), bottom = bl + x.share * (br - bl);
    return top + y.share * (bottom - top);
}

// The meaning of this kernel, for pixels x0 .. x1 - 1 of output row y.
void warp_scalar(const Picture& picture, const Mapping& m, int y, int x0, int x1, std::uint8_t* out) {
    const float points = static_cast<float>(m.nx * m.ny);
    for (int x = x0; x < x1; ++x) {
        float sum[3] = {};
        for (int j = 0; j < m.ny; ++j) {
            for (int i = 0; i < m.nx; ++i) {
                const float px =
                    static_cast<float>(x) + (static_cast<float>(i) + .5f) / static_cast<float>(m.nx);
                const float py =
                    static_cast<float>(y) + (static_cast<float>(j) + .5f) / static_cast<float>(m.ny);
                const float w = m.g * px + (m.h * py + 1);
                const float u = (m.a * px + (m.b * py + m.c)) / w, v = (m.d * px + (m.e * py + m.f)) / w;
                for (int c = 0; c < 3; ++c) sum[c] += sample(picture.part[c], u, v);
            }
        }
        for (int c = 0; c < 3; ++c) {
            const float* to = picture.to_rgb[2 - c];
            const float value = (to[0] * sum[0] + to[1] * sum[1] + to[2] * sum[2]) / points + to[3];
            *out++ = static_cast<std::uint8_t>(std::nearbyint(std::clamp(value, 0.f, 1.f) * 255));
        }
    }
}

#if VISION_X86

struct SpotAvx2 {
    __m256i index;
    __m256 share;
};

VISION_TARGET("avx2,fma")
inline SpotAvx2 spot_avx2(__m256 position, int n) {
    // max returns its second operand for NaN.
    __m256 p = _mm256_max_ps(position, _mm256_setzero_ps());
    p = _mm256_min_ps(p, _mm256_set1_ps(static_cast<float>(n - 1)));
    const __m256i index = _mm256_min_epi32(_mm256_cvttps_epi32(p), _mm256_set1_epi32(n - 2));
    return {index, _mm256_sub_ps(p, _mm256_cvtepi32_ps(index))};
}

VISION_TARGET("avx2,fma")
inline __m256i gather_avx2(const std::uint8_t* data, __m256i offset) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(data), offset, 1);
}

VISION_TARGET("avx2,fma")
inline __m256 byte_avx2(__m256i words, int byte) {
    const __m256i moved = _mm256_srl_epi32(words, _mm_cvtsi32_si128(8 * byte));
    return _mm256_cvtepi32_ps(_mm256_and_si256(moved, _mm256_set1_epi32(255)));
}

// Adds the samples at 8 points to sum[first] .. sum[last] for components that share one grid of groups of
// STEP bytes. A gathered word holds a sample and its right neighbor and never leaves the row.
template <int STEP>
VISION_TARGET("avx2,fma")
inline void sample_avx2(const Component* parts, int n_parts, __m256 u, __m256 v, __m256* sum) {
    const Component& grid = parts[0];
    const __m256 share = _mm256_set1_ps(grid.share), half = _mm256_set1_ps(.5f);
    const SpotAvx2 x = spot_avx2(_mm256_fmsub_ps(u, share, half), grid.width);
    const SpotAvx2 y = spot_avx2(_mm256_fmsub_ps(v, share, half), grid.height);
    const __m256i stride = _mm256_set1_epi32(static_cast<int>(grid.stride));
    // Near the right edge a word of a planar row starts up to 2 samples early and is shifted.
    const __m256i start = STEP == 1 ? _mm256_min_epi32(x.index, _mm256_set1_epi32(grid.width - 4)) : x.index;
    const __m256i shift = _mm256_slli_epi32(_mm256_sub_epi32(x.index, start), 3);
    const __m256i top = _mm256_add_epi32(_mm256_mullo_epi32(y.index, stride),
                                         _mm256_mullo_epi32(start, _mm256_set1_epi32(STEP)));
    const __m256i bottom = _mm256_add_epi32(top, stride);
    __m256i left_top, left_bottom, right_top, right_bottom;
    for (int c = 0; c < n_parts; ++c) {
        const std::uint8_t* data = parts[c].data;
        if (c == 0 || STEP == 1) {
            left_top = _mm256_srlv_epi32(gather_avx2(data, top), shift);
            left_bottom = _mm256_srlv_epi32(gather_avx2(data, bottom), shift);
            // BGR: the right neighbor's three bytes, from the last byte of the left one on.
            right_top = STEP == 3 ? gather_avx2(data + 2, top) : left_top;
            right_bottom = STEP == 3 ? gather_avx2(data + 2, bottom) : left_bottom;
        }
        const int left = parts[c].offset, right = STEP == 3 ? left + 1 : left + STEP;
        const __m256 tl = byte_avx2(left_top, left), tr = byte_avx2(right_top, right);
        const __m256 bl = byte_avx2(left_bottom, left), br = byte_avx2(right_bottom, right);
        const __m256 upper = _mm256_fmadd_ps(x.share, _mm256_sub_ps(tr, tl), tl);
        const __m256 lower = _mm256_fmadd_ps(x.share, _mm256_sub_ps(br, bl), bl);
        sum[c] = _mm256_add_ps(sum[c], _mm256_fmadd_ps(y.share, _mm256_sub_ps(lower, upper), upper));
    }
}

VISION_TARGET("avx2,fma")
inline void samples_avx2(const Picture& picture, __m256 u, __m256 v, __m256 (&sum)[3]) {
    const Component* part = picture.part;
    if (part[0].step == 3) return sample_avx2<3>(part, 3, u, v, sum);
    sample_avx2<1>(part, 1, u, v, sum);
    if (part[1].step == 2) return sample_avx2<2>(part + 1, 2, u, v, sum + 1);
    sample_avx2<1>(part + 1, 2, u, v, sum + 1);
}

VISION_TARGET("avx2,fma")
inline void store_avx2(const Picture& picture, const __m256 (&mean)[3], std::uint8_t* out) {
    __m256i pixel = _mm256_setzero_si256();
    for (int c = 0; c < 3; ++c) {
        const float* to = picture.to_rgb[2 - c];
        __m256 v = _mm256_fmadd_ps(_mm256_set1_ps(to[0]), mean[0], _mm256_set1_ps(to[3]));
        v = _mm256_fmadd_ps(_mm256_set1_ps(to[1]), mean[1], v);
        v = _mm256_fmadd_ps(_mm256_set1_ps(to[2]), mean[2], v);
        v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(1));
        const __m256i level = _mm256_cvtps_epi32(_mm256_mul_ps(v, _mm256_set1_ps(255)));
        pixel = _mm256_or_si256(pixel, _mm256_sll_epi32(level, _mm_cvtsi32_si128(8 * c)));
    }
    const __m256i packed = _mm256_shuffle_epi8(
        pixel,
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)));
    alignas(32) std::uint8_t bytes[32];
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), packed);
    std::memcpy(out, bytes, 12);
    std::memcpy(out + 12, bytes + 16, 12);
}

// 8 output pixels a step, one point of each at a time; the last step overlaps the one before instead of a
// tail.
VISION_TARGET("avx2,fma")
void warp_avx2(const Picture& picture, const Mapping& m, int y, int x0, int x1, std::uint8_t* out) {
    bool is_small = x1 - x0 < 8;
    for (const Component& part : picture.part) is_small = is_small || part.width < 4 || part.height < 2;
    if (is_small) return warp_scalar(picture, m, y, x0, x1, out);
    const __m256 lanes = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256 share = _mm256_set1_ps(1 / static_cast<float>(m.nx * m.ny));
    for (int x = x0; x < x1; x += 8) {
        x = std::min(x, x1 - 8);
        __m256 sum[3] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
        for (int j = 0; j < m.ny; ++j) {
            const float py = static_cast<float>(y) + (static_cast<float>(j) + .5f) / static_cast<float>(m.ny);
            const __m256 w0 = _mm256_set1_ps(m.h * py + 1);
            const __m256 u0 = _mm256_set1_ps(m.b * py + m.c), v0 = _mm256_set1_ps(m.e * py + m.f);
            for (int i = 0; i < m.nx; ++i) {
                const float first =
                    static_cast<float>(x) + (static_cast<float>(i) + .5f) / static_cast<float>(m.nx);
                const __m256 px = _mm256_add_ps(lanes, _mm256_set1_ps(first));
                const __m256 w = _mm256_fmadd_ps(_mm256_set1_ps(m.g), px, w0);
                const __m256 u = _mm256_div_ps(_mm256_fmadd_ps(_mm256_set1_ps(m.a), px, u0), w);
                const __m256 v = _mm256_div_ps(_mm256_fmadd_ps(_mm256_set1_ps(m.d), px, v0), w);
                samples_avx2(picture, u, v, sum);
            }
        }
        for (__m256& s : sum) s = _mm256_mul_ps(s, share);
        store_avx2(picture, sum, out + 3 * (x - x0));
    }
}
#endif

const Variants<Fn> kVariants = {
    warp_scalar,
#if VISION_X86
    nullptr,
    warp_avx2,
#endif
};

int points_of(double source, int out) {
    const double shrink = source / out;
    return shrink > 1.3 ? static_cast<int>(std::min(std::ceil(shrink), 8.)) : 1;
}

// Twice the signed area of the triangle at corners i, j, k.
double cross(const float* p, int i, int j, int k) {
    return (double{p[2 * j]} - p[2 * i]) * (double{p[2 * k + 1]} - p[2 * i + 1]) -
           (double{p[2 * k]} - p[2 * i]) * (double{p[2 * j + 1]} - p[2 * i + 1]);
}

double length(const float* p, int i, int j) {
    return std::hypot(double{p[2 * i]} - p[2 * j], double{p[2 * i + 1]} - p[2 * j + 1]);
}

Mapping mapping_of(const float* p, int width, int height) {
    const double x0 = p[0], y0 = p[1], x1 = p[2], y1 = p[3], x2 = p[4], y2 = p[5], x3 = p[6], y3 = p[7];
    const double sx = x0 - x1 + x2 - x3, sy = y0 - y1 + y2 - y3;
    const double den = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2);
    const double g = (sx * (y3 - y2) - (x3 - x2) * sy) / den, h = ((x1 - x2) * sy - sx * (y1 - y2)) / den;
    const auto per_x = [width](double v) { return static_cast<float>(v / width); };
    const auto per_y = [height](double v) { return static_cast<float>(v / height); };
    return {per_x(x1 - x0 + g * x1),
            per_y(x3 - x0 + h * x3),
            p[0],
            per_x(y1 - y0 + g * y1),
            per_y(y3 - y0 + h * y3),
            p[1],
            per_x(g),
            per_y(h),
            points_of(std::max(length(p, 0, 1), length(p, 3, 2)), width),
            points_of(std::max(length(p, 0, 3), length(p, 1, 2)), height)};
}

}  // namespace

bool is_quadrangle(const float corners[8]) {
    for (int i = 0; i < 8; ++i) {
        if (!std::isfinite(corners[i])) return false;
    }
    const double area = std::fabs(cross(corners, 0, 1, 2) + cross(corners, 0, 2, 3)) / 2;
    if (!(area >= 1)) return false;
    for (int i = 0; i < 4; ++i) {
        if (std::fabs(cross(corners, i, (i + 1) % 4, (i + 2) % 4)) < 1e-3) return false;
    }
    return true;
}

void warp(const Picture& picture, const float corners[8], int width, int height, std::uint8_t* out) {
    const Mapping m = mapping_of(corners, width, height);
    const auto row = kVariants.pick();
    for (int y = 0; y < height; ++y) row(picture, m, y, 0, width, out + std::ptrdiff_t{3} * width * y);
}

}  // namespace vision
