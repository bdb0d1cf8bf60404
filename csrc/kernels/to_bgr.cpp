#include "kernels/to_bgr.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

constexpr int BITS = 13;  // the largest factor, 2.112 (Cb to blue, BT.709, limited), still fits int16

// Picture::to_rgb in fixed point, in order B, G, R; the constant rounds to nearest.
struct Fixed {
    std::int16_t factor[3][3];
    std::int32_t constant[3];
};

struct Row {
    const std::uint8_t *luma, *cb, *cr;  // sample (x, y) of the chroma is at (x / 2) * chroma_step
    int chroma_step;
};

using Fn = void (*)(const Row&, int, int, const Fixed&, std::uint8_t*);

// The meaning of this kernel, for pixels x0 .. x1 - 1 of one row.
void to_bgr_scalar(const Row& row, int x0, int x1, const Fixed& m, std::uint8_t* out) {
    for (int x = x0; x < x1; ++x) {
        const int y = row.luma[x], cb = row.cb[x / 2 * row.chroma_step], cr = row.cr[x / 2 * row.chroma_step];
        for (int c = 0; c < 3; ++c) {
            const int value = m.factor[c][0] * y + m.factor[c][1] * cb + m.factor[c][2] * cr + m.constant[c];
            *out++ = static_cast<std::uint8_t>(std::clamp(value >> BITS, 0, 255));
        }
    }
}

#if VISION_X86

VISION_TARGET("avx2")
inline __m256i pair_avx2(std::int16_t a, std::int16_t b) {
    return _mm256_set1_epi32(static_cast<int>(
        static_cast<std::uint16_t>(a) | static_cast<std::uint32_t>(static_cast<std::uint16_t>(b)) << 16));
}

// 16 pixels of one color channel from the interleaved pairs (y, cb) and (cr, 0).
VISION_TARGET("avx2")
inline __m128i channel_avx2(const __m256i (&y_cb)[2], const __m256i (&cr)[2], const Fixed& m, int c) {
    const __m256i first = pair_avx2(m.factor[c][0], m.factor[c][1]), second = pair_avx2(m.factor[c][2], 0);
    const __m256i constant = _mm256_set1_epi32(m.constant[c]);
    __m256i sum[2];
    for (int i = 0; i < 2; ++i) {
        sum[i] = _mm256_add_epi32(_mm256_madd_epi16(y_cb[i], first), _mm256_madd_epi16(cr[i], second));
        sum[i] = _mm256_srai_epi32(_mm256_add_epi32(sum[i], constant), BITS);
    }
    const __m256i words = _mm256_packs_epi32(sum[0], sum[1]);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

// Three channels of 16 bytes -> 48 interleaved bytes: each output byte comes from one channel by pshufb.
VISION_TARGET("avx2")
inline void store_avx2(const __m128i (&channel)[3], std::uint8_t* out) {
    alignas(16) static constexpr std::int8_t ORDER[3][3][16] = {
        {{0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5},
         {-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1},
         {-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1}},
        {{-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1},
         {5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10},
         {-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1}},
        {{-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1},
         {-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1},
         {10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15}}};
    for (int part = 0; part < 3; ++part) {
        __m128i bytes = _mm_setzero_si128();
        for (int c = 0; c < 3; ++c) {
            const __m128i order = _mm_load_si128(reinterpret_cast<const __m128i*>(ORDER[part][c]));
            bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(channel[c], order));
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16 * part), bytes);
    }
}

// 16 pixels a step: products in pairs by pmaddwd, the same integers as the scalar loop.
VISION_TARGET("avx2")
void to_bgr_avx2(const Row& row, int x0, int x1, const Fixed& m, std::uint8_t* out) {
    const __m128i twice = _mm_setr_epi8(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    const __m128i even = _mm_setr_epi8(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14);
    const __m128i odd = _mm_add_epi8(even, _mm_set1_epi8(1));
    int x = x0;
    if (x % 2 != 0 && x < x1) to_bgr_scalar(row, x, x + 1, m, out), ++x;
    for (; x + 16 <= x1; x += 16) {
        __m128i cb, cr;
        if (row.chroma_step == 1) {
            cb = _mm_shuffle_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(row.cb + x / 2)), twice);
            cr = _mm_shuffle_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(row.cr + x / 2)), twice);
        } else {
            const __m128i pairs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row.cb + x));
            cb = _mm_shuffle_epi8(pairs, even);
            cr = _mm_shuffle_epi8(pairs, odd);
        }
        const __m256i y =
            _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row.luma + x)));
        const __m256i u = _mm256_cvtepu8_epi16(cb), v = _mm256_cvtepu8_epi16(cr),
                      zero = _mm256_setzero_si256();
        const __m256i y_cb[2] = {_mm256_unpacklo_epi16(y, u), _mm256_unpackhi_epi16(y, u)};
        const __m256i only_cr[2] = {_mm256_unpacklo_epi16(v, zero), _mm256_unpackhi_epi16(v, zero)};
        const __m128i bgr[3] = {channel_avx2(y_cb, only_cr, m, 0), channel_avx2(y_cb, only_cr, m, 1),
                                channel_avx2(y_cb, only_cr, m, 2)};
        store_avx2(bgr, out + 3 * (x - x0));
    }
    _mm256_zeroupper();
    to_bgr_scalar(row, x, x1, m, out + 3 * (x - x0));
}
#endif

const Variants<Fn> kVariants = {
    to_bgr_scalar,
#if VISION_X86
    nullptr,
    to_bgr_avx2,
#endif
};

}  // namespace

void to_bgr(const Picture& picture, const Roi& roi, std::uint8_t* out) {
    const std::size_t size = 3 * static_cast<std::size_t>(roi.x1 - roi.x0);
    Fixed m{};
    for (int c = 0; c < 3; ++c) {
        const float* from = picture.to_rgb[2 - c];
        const double unit = 255. * (1 << BITS);
        if (picture.is_bgr) break;
        for (int i = 0; i < 3; ++i) m.factor[c][i] = static_cast<std::int16_t>(std::lround(from[i] * unit));
        m.constant[c] = static_cast<std::int32_t>(std::lround(from[3] * unit)) + (1 << (BITS - 1));
    }
    const Component *luma = &picture.part[0], *cb = &picture.part[1], *cr = &picture.part[2];
    const auto convert = kVariants.pick();
    for (int y = roi.y0; y < roi.y1; ++y, out += size) {
        if (picture.is_bgr) {
            std::memcpy(out, luma->row(y) + 3 * roi.x0, size);
        } else {
            const Row row = {luma->row(y), cb->row(y / 2) + cb->offset, cr->row(y / 2) + cr->offset,
                             cb->step};
            convert(row, roi.x0, roi.x1, m, out);
        }
    }
}

}  // namespace vision
