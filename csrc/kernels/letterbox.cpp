#include "kernels/letterbox.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu.hpp"
#include "kernels/axis.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

// Plans and intermediate rows of one call; one per thread, so that after the first call nothing is allocated.
struct Work {
    Axis x[3], y[3];
    std::vector<float> columns[3];
};

// Where the scaled picture goes: 3 planes, `plane` floats apart, rows `stride` floats apart.
struct Target {
    float* data;
    std::ptrdiff_t stride, plane;
};

using Fn = void (*)(const Picture&, Work&, const Target&);

float blend(const Component& part, const Axis& ax, const Axis& ay, int x, int y) {
    float sum = 0;
    for (int ty = ay.begin[y]; ty < ay.begin[y + 1]; ++ty) {
        float line = 0;
        for (int tx = ax.begin[x]; tx < ax.begin[x + 1]; ++tx) {
            line += ax.weight[tx] * part.at(ax.first[x] + tx - ax.begin[x], ay.first[y] + ty - ay.begin[y]);
        }
        sum += ay.weight[ty] * line;
    }
    return sum;
}

// The meaning of this kernel.
void letterbox_scalar(const Picture& picture, Work& work, const Target& out) {
    for (int y = 0; y < work.y[0].n_out(); ++y) {
        for (int x = 0; x < work.x[0].n_out(); ++x) {
            float s[3];
            for (int c = 0; c < 3; ++c) s[c] = blend(picture.part[c], work.x[c], work.y[c], x, y);
            for (int c = 0; c < 3; ++c) {
                const float* m = picture.to_rgb[c];
                const float value = m[0] * s[0] + m[1] * s[1] + m[2] * s[2] + m[3];
                out.data[c * out.plane + y * out.stride + x] = std::clamp(value, 0.f, 1.f);
            }
        }
    }
}

#if VISION_X86

VISION_TARGET("avx2,fma")
inline void transpose_avx2(__m256 (&r)[8]) {
    __m256 t[8], s[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        s[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        s[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        s[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        s[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; ++i) {
        r[i] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x31);
    }
}

// 8 neighboring samples as floats; reads exactly their 8 groups.
template <int STEP>
VISION_TARGET("avx2,fma")
inline __m256 load_avx2(const std::uint8_t* group, __m128i low, __m128i high) {
    __m128i bytes;
    if constexpr (STEP == 1) {
        bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(group));
    } else {
        bytes = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(group)), low);
    }
    if constexpr (STEP == 3) {
        const __m128i rest = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(group + 16));
        bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(rest, high));
    }
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

// Output rows y .. y + 7 of one component, not yet resampled along x: out[8 * i + r] is column `from` + i of
// row y + r.
template <int STEP>
VISION_TARGET("avx2,fma")
void columns_avx2(const Component& part, const Axis& ay, int y, int from, int to, float* out) {
    alignas(16) std::uint8_t low[16], high[16];
    for (int i = 0; i < 16; ++i) {
        const int byte = i * STEP + part.offset;
        low[i] = static_cast<std::uint8_t>(i < 8 && byte < 16 ? byte : 0x80);
        high[i] = static_cast<std::uint8_t>(i < 8 && byte >= 16 ? byte - 16 : 0x80);
    }
    const __m128i low_mask = _mm_load_si128(reinterpret_cast<const __m128i*>(low));
    const __m128i high_mask = _mm_load_si128(reinterpret_cast<const __m128i*>(high));
    for (int x = from; x < to; x += 8) {
        x = std::min(x, to - 8);
        __m256 sum[8];
        for (int r = 0; r < 8; ++r) {
            const float* weight = &ay.weight[ay.begin[y + r]];
            const int n = ay.begin[y + r + 1] - ay.begin[y + r];
            const std::uint8_t* group = part.row(ay.first[y + r]) + x * STEP;
            sum[r] = _mm256_mul_ps(_mm256_set1_ps(weight[0]), load_avx2<STEP>(group, low_mask, high_mask));
            for (int t = 1; t < n; ++t) {
                group += part.stride;
                const __m256 value = load_avx2<STEP>(group, low_mask, high_mask);
                sum[r] = _mm256_fmadd_ps(_mm256_set1_ps(weight[t]), value, sum[r]);
            }
        }
        transpose_avx2(sum);
        for (int i = 0; i < 8; ++i) _mm256_storeu_ps(out + 8 * (x - from + i), sum[i]);
    }
}

VISION_TARGET("avx2,fma")
inline __m256 along_x_avx2(const Axis& ax, int x, const float* columns) {
    const float* weight = &ax.weight[ax.begin[x]];
    const float* column = columns + 8 * (ax.first[x] - ax.low());
    const int n = ax.begin[x + 1] - ax.begin[x];
    __m256 sum = _mm256_mul_ps(_mm256_set1_ps(weight[0]), _mm256_loadu_ps(column));
    for (int t = 1; t < n; ++t) {
        sum = _mm256_fmadd_ps(_mm256_set1_ps(weight[t]), _mm256_loadu_ps(column + 8 * t), sum);
    }
    return sum;
}

// 8 output rows at a time, turned on their side: one register holds one column of all 8, so that the sums
// along x need no gathers. The last block of rows or columns overlaps the one before instead of having a
// tail.
VISION_TARGET("avx2,fma")
void letterbox_avx2(const Picture& picture, Work& work, const Target& out) {
    const int width = work.x[0].n_out(), height = work.y[0].n_out();
    bool is_small = width < 8 || height < 8;
    for (const Axis& axis : work.x) is_small = is_small || axis.high() - axis.low() < 8;
    if (is_small) return letterbox_scalar(picture, work, out);
    for (int y = 0; y < height; y += 8) {
        y = std::min(y, height - 8);
        for (int c = 0; c < 3; ++c) {
            const Component& part = picture.part[c];
            const int from = work.x[c].low(), to = work.x[c].high();
            work.columns[c].resize(8 * static_cast<std::size_t>(to - from));
            const auto columns = part.step == 1   ? columns_avx2<1>
                                 : part.step == 2 ? columns_avx2<2>
                                                  : columns_avx2<3>;
            columns(part, work.y[c], y, from, to, work.columns[c].data());
        }
        for (int x = 0; x < width; x += 8) {
            x = std::min(x, width - 8);
            float rgb[3][64];
            for (int i = 0; i < 8; ++i) {
                __m256 s[3];
                for (int c = 0; c < 3; ++c) s[c] = along_x_avx2(work.x[c], x + i, work.columns[c].data());
                for (int c = 0; c < 3; ++c) {
                    const float* m = picture.to_rgb[c];
                    __m256 v = _mm256_fmadd_ps(_mm256_set1_ps(m[0]), s[0], _mm256_set1_ps(m[3]));
                    v = _mm256_fmadd_ps(_mm256_set1_ps(m[1]), s[1], v);
                    v = _mm256_fmadd_ps(_mm256_set1_ps(m[2]), s[2], v);
                    v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(1));
                    _mm256_storeu_ps(rgb[c] + 8 * i, v);
                }
            }
            for (int c = 0; c < 3; ++c) {
                __m256 rows[8];
                for (int i = 0; i < 8; ++i) rows[i] = _mm256_loadu_ps(rgb[c] + 8 * i);
                transpose_avx2(rows);
                float* to = out.data + c * out.plane + y * out.stride + x;
                for (int r = 0; r < 8; ++r) _mm256_storeu_ps(to + r * out.stride, rows[r]);
            }
        }
    }
}
#endif

const Variants<Fn> kVariants = {
    letterbox_scalar,
#if VISION_X86
    nullptr,
    letterbox_avx2,
#endif
};

}  // namespace

Fit fit(const Roi& roi, int width, int height) {
    const double rw = roi.x1 - roi.x0, rh = roi.y1 - roi.y0;
    const double k = std::min(width / rw, height / rh);
    const int w = std::clamp(static_cast<int>(std::nearbyint(rw * k)), 1, width);
    const int h = std::clamp(static_cast<int>(std::nearbyint(rh * k)), 1, height);
    return {w, h, w / rw, h / rh};
}

Fit letterbox(const Picture& picture, const Roi& roi, float pad, int width, int height, float* out) {
    thread_local Work work;
    const Fit size = fit(roi, width, height);
    for (int c = 0; c < 3; ++c) {
        const Component& part = picture.part[c];
        const double k = part.share;
        work.x[c].plan(roi.x0 * k, roi.x1 * k, part.width, size.width);
        work.y[c].plan(roi.y0 * k, roi.y1 * k, part.height, size.height);
    }
    const std::ptrdiff_t plane = std::ptrdiff_t{1} * width * height;
    kVariants.pick()(picture, work, {out, width, plane});
    for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < height; ++y) {
            float* row = out + c * plane + std::ptrdiff_t{1} * y * width;
            std::fill(row + (y < size.height ? size.width : 0), row + width, pad);
        }
    }
    return size;
}

}  // namespace vision
