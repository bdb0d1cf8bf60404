#include "kernels/sharpness.hpp"

#include <vector>

#include "cpu.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

// Sums over pixels and their squares, exact.
struct Sums {
    std::int64_t sum = 0, squares = 0;

    void add(std::int64_t value) {
        sum += value;
        squares += value * value;
    }
    double variance(double n) const {
        const double mean = static_cast<double>(sum) / n;
        return static_cast<double>(squares) / n - mean * mean;
    }
};

// Three gray rows, and how far to go.
using Fn = void (*)(const std::int16_t*, const std::int16_t*, const std::int16_t*, int, int, Sums&);

// The meaning of this kernel: Laplacian at pixels x .. width - 2 of the middle row.
void laplacian_scalar(const std::int16_t* above, const std::int16_t* row, const std::int16_t* below, int x,
                      int width, Sums& out) {
    for (; x < width - 1; ++x) out.add(above[x] + below[x] + row[x - 1] + row[x + 1] - 4 * row[x]);
}

#if VISION_X86
// 16 pixels a step in 16 bits (|L| <= 1020); sums by pmaddwd, emptied before 32 bits can overflow.
VISION_TARGET("avx2")
void laplacian_avx2(const std::int16_t* above, const std::int16_t* row, const std::int16_t* below, int x,
                    int width, Sums& out) {
    const __m256i one = _mm256_set1_epi16(1);
    while (x + 16 <= width - 1) {
        __m256i sum = _mm256_setzero_si256(), squares = _mm256_setzero_si256();
        for (int n = 0; n < 512 && x + 16 <= width - 1; ++n, x += 16) {
            const auto at = [](const std::int16_t* p) { return reinterpret_cast<const __m256i*>(p); };
            const __m256i up_down =
                _mm256_add_epi16(_mm256_loadu_si256(at(above + x)), _mm256_loadu_si256(at(below + x)));
            const __m256i sides =
                _mm256_add_epi16(_mm256_loadu_si256(at(row + x - 1)), _mm256_loadu_si256(at(row + x + 1)));
            const __m256i center = _mm256_slli_epi16(_mm256_loadu_si256(at(row + x)), 2);
            const __m256i value = _mm256_sub_epi16(_mm256_add_epi16(up_down, sides), center);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(value, one));
            squares = _mm256_add_epi32(squares, _mm256_madd_epi16(value, value));
        }
        alignas(32) std::int32_t parts[16];
        _mm256_store_si256(reinterpret_cast<__m256i*>(parts), sum);
        _mm256_store_si256(reinterpret_cast<__m256i*>(parts + 8), squares);
        for (int i = 0; i < 8; ++i) {
            out.sum += parts[i];
            out.squares += parts[8 + i];
        }
    }
    _mm256_zeroupper();
    laplacian_scalar(above, row, below, x, width, out);
}
#endif

const Variants<Fn> kVariants = {
    laplacian_scalar,
#if VISION_X86
    nullptr,
    laplacian_avx2,
#endif
};

void gray_row(const Pixels& image, int y, std::int16_t* out, Sums& sums) {
    const std::uint8_t* p = image.data + y * image.stride;
    std::int32_t sum = 0;
    std::int64_t squares = 0;
    for (int x = 0; x < image.width; ++x, p += image.step) {
        out[x] = static_cast<std::int16_t>(image.step == 3 ? (29 * p[0] + 150 * p[1] + 77 * p[2] + 128) >> 8
                                                           : p[0]);
        sum += out[x];
        squares += out[x] * out[x];
    }
    sums.sum += sum;
    sums.squares += squares;
}

}  // namespace

double sharpness(const Pixels& image) {
    if (image.width < 3 || image.height < 3) return 0;
    thread_local std::vector<std::int16_t> buffer;
    const std::ptrdiff_t w = image.width;
    buffer.resize(3 * w);
    Sums gray, laplacian;
    const auto row = kVariants.pick();
    for (int y = 0; y < image.height; ++y) {
        gray_row(image, y, buffer.data() + y % 3 * w, gray);
        if (y < 2) continue;
        const auto at = [&](int i) { return buffer.data() + i % 3 * w; };
        row(at(y - 2), at(y - 1), at(y), 1, image.width, laplacian);
    }
    const double n = static_cast<double>(w) * image.height,
                 inner = static_cast<double>(w - 2) * (image.height - 2);
    return laplacian.variance(inner) / (gray.variance(n) + 1);
}

}  // namespace vision
