#include "kernels/luma_grid.hpp"

#include <algorithm>
#include <vector>

#include "cpu.hpp"
#include "kernels/axis.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

// Plans and intermediate lines of one call; one per thread, so that after the first call nothing is
// allocated.
struct Work {
    Axis x, y, bytes;  // with BGR each pixel has three bytes, weighted by their share of luma
    std::vector<std::uint16_t> sums;
    std::vector<float> line;
};

using Fn = void (*)(const std::uint8_t*, std::ptrdiff_t, const Axis&, const Axis&, Work&, float*);

// The meaning of this kernel.
void luma_grid_scalar(const std::uint8_t* data, std::ptrdiff_t stride, const Axis& ax, const Axis& ay, Work&,
                      float* out) {
    for (int y = 0; y < ay.n_out(); ++y) {
        for (int x = 0; x < ax.n_out(); ++x) {
            double sum = 0;
            for (int ty = ay.begin[y]; ty < ay.begin[y + 1]; ++ty) {
                const std::uint8_t* p = data + (ay.first[y] + ty - ay.begin[y]) * stride + ax.first[x];
                double part = 0;
                for (int tx = ax.begin[x]; tx < ax.begin[x + 1]; ++tx)
                    part += double{ax.weight[tx]} * p[tx - ax.begin[x]];
                sum += double{ay.weight[ty]} * part;
            }
            *out++ = static_cast<float>(sum);
        }
    }
}

#if VISION_X86

constexpr int MAX_ROWS = 257;  // of 255 that 16 bits can sum

// Sums of 16 N columns over n rows.
template <int N>
VISION_TARGET("avx2,fma")
inline void strip_avx2(const std::uint8_t* data, std::ptrdiff_t stride, int n, std::uint16_t* sums) {
    __m256i sum[N];
    for (auto& s : sum) s = _mm256_setzero_si256();
    for (int row = 0; row < n; ++row, data += stride) {
        for (int i = 0; i < N; ++i) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + 16 * i));
            sum[i] = _mm256_add_epi16(sum[i], _mm256_cvtepu8_epi16(bytes));
        }
    }
    for (int i = 0; i < N; ++i) _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 16 * i), sum[i]);
}

VISION_TARGET("avx2,fma")
void sum_rows_avx2(const std::uint8_t* data, std::ptrdiff_t stride, int n, int width, std::uint16_t* sums) {
    int x = 0;
    for (; x + 128 <= width; x += 128) strip_avx2<8>(data + x, stride, n, sums + x);
    for (; x < width; x += 16) {
        x = std::min(x, width - 16);
        strip_avx2<1>(data + x, stride, n, sums + x);
    }
}

VISION_TARGET("avx2,fma")
void add_line_avx2(const std::uint16_t* sums, float weight, int width, float* line) {
    for (int x = 0; x < width; x += 8) {  // width is a multiple of 8
        const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sums + x));
        const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(part));
        _mm256_storeu_ps(line + x, _mm256_fmadd_ps(_mm256_set1_ps(weight), value, _mm256_loadu_ps(line + x)));
    }
}

// Sum of n products.
VISION_TARGET("avx2,fma")
inline float dot_avx2(const float* a, const float* b, int n) {
    static const std::int32_t ends[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    __m256 sum = _mm256_setzero_ps();
    int i = 0;
    for (; i + 8 <= n; i += 8) sum = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum);
    if (i < n) {
        const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ends + 8 - (n - i)));
        sum = _mm256_fmadd_ps(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask), sum);
    }
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

// Rows that a row of cells covers whole have one weight: they are summed in 16 bits before anything is
// multiplied; the partly covered rows at its ends come apart.
VISION_TARGET("avx2,fma")
void luma_grid_avx2(const std::uint8_t* data, std::ptrdiff_t stride, const Axis& ax, const Axis& ay,
                    Work& work, float* out) {
    const int from = ax.low(), width = ax.high() - from;
    if (width < 16) return luma_grid_scalar(data, stride, ax, ay, work, out);
    const std::size_t padded = (width + 7) / 8 * 8;  // beyond width: old sums, met by no weight
    work.sums.resize(padded);
    work.line.resize(padded);
    for (int y = 0; y < ay.n_out(); ++y) {
        std::fill(work.line.begin(), work.line.end(), 0.f);
        for (int t = ay.begin[y]; t < ay.begin[y + 1];) {
            const float weight = ay.weight[t];
            int n = 1;
            while (n < MAX_ROWS && t + n < ay.begin[y + 1] && ay.weight[t + n] == weight) ++n;
            const std::uint8_t* row = data + (ay.first[y] + t - ay.begin[y]) * stride + from;
            sum_rows_avx2(row, stride, n, width, work.sums.data());
            add_line_avx2(work.sums.data(), weight, static_cast<int>(padded), work.line.data());
            t += n;
        }
        for (int x = 0; x < ax.n_out(); ++x) {
            *out++ = dot_avx2(work.line.data() + ax.first[x] - from, &ax.weight[ax.begin[x]],
                              ax.begin[x + 1] - ax.begin[x]);
        }
    }
}
#endif

const Variants<Fn> kVariants = {
    luma_grid_scalar,
#if VISION_X86
    nullptr,
    luma_grid_avx2,
#endif
};

// From pixels to bytes: b, g, r of a pixel count as BT.601's luma weighs them.
void spread(const Axis& pixels, Axis& bytes) {
    constexpr float share[3] = {.114f, .587f, .299f};
    bytes.first.clear();
    bytes.begin.clear();
    bytes.weight.clear();
    for (int first : pixels.first) bytes.first.push_back(3 * first);
    for (int begin : pixels.begin) bytes.begin.push_back(3 * begin);
    for (float weight : pixels.weight)
        for (float k : share) bytes.weight.push_back(k * weight);
}

}  // namespace

void luma_grid(const Picture& picture, int rows, int columns, float* out) {
    thread_local Work work;
    const Component& luma = picture.part[0];
    work.y.plan(0, picture.height, picture.height, rows);
    if (work.x.plan(0, picture.width, picture.width, columns)) spread(work.x, work.bytes);
    kVariants.pick()(luma.data, luma.stride, picture.is_bgr ? work.bytes : work.x, work.y, work, out);
}

}  // namespace vision
