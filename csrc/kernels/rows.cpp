#include "kernels/rows.hpp"

#include <algorithm>
#include <cmath>

#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {

namespace {

constexpr int MAX_ROWS =
    16;  // in a term: up to here n * lift >= 247, so that a factor of 16 bits reaches ROW_UNIT

}  // namespace

void RowTerms::plan(const Axis& axis) {
    begin.assign(1, 0);
    terms.clear();
    for (int i = 0; i < axis.n_out(); ++i) {
        for (int t = axis.begin[i]; t < axis.begin[i + 1];) {
            int n = 1;
            while (n < MAX_ROWS && t + n < axis.begin[i + 1] && axis.weight[t + n] == axis.weight[t]) ++n;
            const int lift = 257 / n;
            const double factor = axis.weight[t] * double{ROW_UNIT} * 65536 / lift;
            terms.push_back({axis.first[i] + t - axis.begin[i], n, static_cast<std::uint16_t>(lift),
                             static_cast<std::uint16_t>(std::nearbyint(factor))});
            t += n;
        }
        begin.push_back(static_cast<int>(terms.size()));
    }
}

#if VISION_X86
namespace {

// Weighed sums of rows, 32 N bytes of them: two rows at a time, interleaved and added by pmaddubsw; a row of
// its own interleaved with itself, which is its lift of 257. Less 32768, to be signed.
template <int N>
VISION_TARGET("avx2,fma")
inline void strip_avx2(const std::uint8_t* from, std::ptrdiff_t stride, const RowTerm* term,
                       const RowTerm* end, int ahead, std::uint16_t* out) {
    const __m256i one = _mm256_set1_epi8(1), zero = _mm256_setzero_si256();
    for (int r = end[-1].first + end[-1].n; r < ahead; ++r)
        _mm_prefetch(reinterpret_cast<const char*>(from + r * stride), _MM_HINT_T0);
    __m256i total[2 * N];  // lanes cross: the first and third 8 of 32 samples, then the second and fourth
    for (auto& t : total) t = _mm256_set1_epi16(-32768);
    for (; term != end; ++term) {
        const std::uint8_t* row = from + term->first * stride;
        const __m256i factor = _mm256_set1_epi16(static_cast<short>(term->factor));
        __m256i sum[2 * N];
        if (term->n == 1) {
            for (int i = 0; i < N; ++i) {
                const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * i));
                sum[2 * i] = _mm256_unpacklo_epi8(v, v);
                sum[2 * i + 1] = _mm256_unpackhi_epi8(v, v);
            }
        } else {
            for (auto& s : sum) s = zero;
            for (int r = 1; r < term->n; r += 2, row += 2 * stride) {
                for (int i = 0; i < N; ++i) {
                    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * i));
                    const __m256i b =
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + stride + 32 * i));
                    sum[2 * i] =
                        _mm256_add_epi16(sum[2 * i], _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), one));
                    sum[2 * i + 1] = _mm256_add_epi16(sum[2 * i + 1],
                                                      _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), one));
                }
            }
            if (term->n % 2 == 1) {
                for (int i = 0; i < N; ++i) {
                    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 32 * i));
                    sum[2 * i] = _mm256_add_epi16(sum[2 * i], _mm256_unpacklo_epi8(v, zero));
                    sum[2 * i + 1] = _mm256_add_epi16(sum[2 * i + 1], _mm256_unpackhi_epi8(v, zero));
                }
            }
            const __m256i lift = _mm256_set1_epi16(static_cast<short>(term->lift));
            for (auto& s : sum) s = _mm256_mullo_epi16(s, lift);
        }
        for (int i = 0; i < 2 * N; ++i)
            total[i] = _mm256_add_epi16(total[i], _mm256_mulhi_epu16(sum[i], factor));
    }
    for (int i = 0; i < N; ++i) {
        auto* to = reinterpret_cast<__m256i*>(out + 32 * i);
        _mm256_storeu_si256(to, _mm256_permute2x128_si256(total[2 * i], total[2 * i + 1], 0x20));
        _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(total[2 * i], total[2 * i + 1], 0x31));
    }
}

}  // namespace

VISION_TARGET("avx2,fma")
void weigh_rows_avx2(const std::uint8_t* from, std::ptrdiff_t stride, const RowTerms& rows, int y, int width,
                     std::uint16_t* out) {
    const RowTerm *term = &rows.terms[rows.begin[y]], *end = term + rows.begin[y + 1] - rows.begin[y];
    const RowTerm& last = rows.terms[rows.begin[std::min<std::size_t>(y + 2, rows.begin.size() - 1)] - 1];
    const int ahead = last.first + last.n;
    int x = 0;
    for (; x + 64 <= width; x += 64) strip_avx2<2>(from + x, stride, term, end, ahead, out + x);
    for (; x < width; x += 32) {
        x = std::min(x, width - 32);
        strip_avx2<1>(from + x, stride, term, end, ahead, out + x);
    }
}

// Pairs -> two rows, 16 at a step. The halves of a register are 8 pairs apart.
VISION_TARGET("avx2,fma")
void unpack_pairs_avx2(const std::uint16_t* packed, int width, std::uint16_t* a, std::uint16_t* b) {
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    for (int x = 0; x < width; x += 16) {
        x = std::min(x, width - 16);
        const auto* p = reinterpret_cast<const __m128i*>(packed + 2 * x);
        const __m256i low =
            _mm256_shuffle_epi8(_mm256_set_m128i(_mm_loadu_si128(p + 2), _mm_loadu_si128(p)), order);
        const __m256i high =
            _mm256_shuffle_epi8(_mm256_set_m128i(_mm_loadu_si128(p + 3), _mm_loadu_si128(p + 1)), order);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(a + x), _mm256_unpacklo_epi64(low, high));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(b + x), _mm256_unpackhi_epi64(low, high));
    }
}

// Triplets -> three rows, 16 at a step: as 8 is no multiple of 3, each component has places of its own in
// three registers, so that blends and one shuffle bring it together. The halves of a register are 8 triplets
// apart.
VISION_TARGET("avx2,fma")
void unpack_triplets_avx2(const std::uint16_t* packed, int width, std::uint16_t* r, std::uint16_t* g,
                          std::uint16_t* b) {
    const __m256i order_r =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(4, 5, 10, 11, 0, 1, 6, 7, 12, 13, 2, 3, 8, 9, 14, 15));
    const __m256i order_g =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 3, 8, 9, 14, 15, 4, 5, 10, 11, 0, 1, 6, 7, 12, 13));
    const __m256i order_b =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 6, 7, 12, 13, 2, 3, 8, 9, 14, 15, 4, 5, 10, 11));
    for (int x = 0; x < width; x += 16) {
        x = std::min(x, width - 16);
        __m256i v[3];
        for (int i = 0; i < 3; ++i) {
            const auto* p = reinterpret_cast<const __m128i*>(packed + 3 * x + 8 * i);
            v[i] = _mm256_set_m128i(_mm_loadu_si128(p + 3), _mm_loadu_si128(p));
        }
        const __m256i all_r = _mm256_blend_epi16(_mm256_blend_epi16(v[0], v[1], 0x49), v[2], 0x92);
        const __m256i all_g = _mm256_blend_epi16(_mm256_blend_epi16(v[0], v[1], 0x24), v[2], 0x49);
        const __m256i all_b = _mm256_blend_epi16(_mm256_blend_epi16(v[0], v[1], 0x92), v[2], 0x24);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(r + x), _mm256_shuffle_epi8(all_r, order_r));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(g + x), _mm256_shuffle_epi8(all_g, order_g));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(b + x), _mm256_shuffle_epi8(all_b, order_b));
    }
}
#endif

}  // namespace vision
