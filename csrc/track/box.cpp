#include "track/box.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace vision::track {

namespace {
constexpr std::size_t FEW_PAIRS = 8192;  // sooner tried than swept
constexpr std::size_t STRIP = 8;         // boxes that are tried at once
constexpr std::size_t LANES = 4;         // floats in a vector
constexpr std::size_t FEW_KEYS = 64;     // sooner counted than sorted

// Bit i: box `a` overlaps other i along both axes. The sides of the others, a multiple of 4 of them, lie at
// multiples of 16 bytes, as operator new gives them; n <= 32.
struct Sides {
    const float *left, *top, *right, *bottom;
};

template <std::size_t n>
std::uint32_t overlaps(const Box& a, const Sides& other) {
    std::uint32_t found = 0;
#ifdef __SSE2__  // part of x86-64
    const __m128 x1 = _mm_set1_ps(a.x1), y1 = _mm_set1_ps(a.y1), x2 = _mm_set1_ps(a.x2),
                 y2 = _mm_set1_ps(a.y2);
    for (std::size_t c = 0; c < n; c += LANES) {
        const __m128 wide = _mm_and_ps(_mm_cmplt_ps(x1, _mm_load_ps(other.right + c)),
                                       _mm_cmplt_ps(_mm_load_ps(other.left + c), x2));
        const __m128 high = _mm_and_ps(_mm_cmplt_ps(y1, _mm_load_ps(other.bottom + c)),
                                       _mm_cmplt_ps(_mm_load_ps(other.top + c), y2));
        found |= static_cast<std::uint32_t>(_mm_movemask_ps(_mm_and_ps(wide, high))) << c;
    }
#else
    for (std::size_t c = 0; c < n; ++c) {
        const bool is_hit = (a.x1 < other.right[c]) & (other.left[c] < a.x2) & (a.y1 < other.bottom[c]) &
                            (other.top[c] < a.y2);
        found |= std::uint32_t{is_hit} << c;
    }
#endif
    return found;
}

}  // namespace

namespace {

// How many of n values, a multiple of LANES at multiples of 16 bytes, are below x.
std::size_t count_below(const float* values, std::size_t n, float x) {
#ifdef __SSE2__
    __m128i count = _mm_setzero_si128();
    for (std::size_t i = 0; i < n; i += LANES) {
        const __m128 is_below = _mm_cmplt_ps(_mm_load_ps(values + i), _mm_set1_ps(x));
        count = _mm_sub_epi32(count, _mm_castps_si128(is_below));
    }
    count = _mm_add_epi32(count, _mm_shuffle_epi32(count, _MM_SHUFFLE(1, 0, 3, 2)));
    count = _mm_add_epi32(count, _mm_shuffle_epi32(count, _MM_SHUFFLE(2, 3, 0, 1)));
    return static_cast<std::size_t>(_mm_cvtsi128_si32(count));
#else
    return static_cast<std::size_t>(std::count_if(values, values + n, [x](float v) { return v < x; }));
#endif
}

// A few keys, each put where so many others are below it: no branch that nobody can predict. False, and
// nothing done, where two are the same.
bool sort_few(const Box* boxes, std::vector<LeftKey>& keys) {
    alignas(16) float left[FEW_KEYS];
    LeftKey sorted[FEW_KEYS];
    std::uint64_t is_taken = 0;
    const std::size_t n = (keys.size() + LANES - 1) / LANES * LANES;
    std::fill(left + n - LANES, left + n, std::numeric_limits<float>::infinity());
    for (std::size_t i = 0; i < keys.size(); ++i) left[i] = boxes[i].x1;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const std::size_t place = count_below(left, n, left[i]);
        is_taken |= std::uint64_t{1} << place;
        sorted[place] = keys[i];
    }
    if (is_taken != ~std::uint64_t{0} >> (64 - keys.size())) return false;
    std::copy(sorted, sorted + keys.size(), keys.begin());
    return true;
}

}  // namespace

void sort_by_left(const Box* boxes, std::size_t n, std::vector<LeftKey>& keys) {
    keys.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        const float left = boxes[i].x1 + 0.0F;  // -0 becomes 0
        std::uint32_t bits;
        std::memcpy(&bits, &left, sizeof bits);
        bits ^= (bits >> 31) != 0 ? 0xFFFFFFFFU : 0x80000000U;  // in the order of the floats
        keys[i] = {std::uint64_t{bits} << 32 | i};
    }
    const auto is_before = [](LeftKey a, LeftKey b) { return a.bits < b.bits; };
    if (n == 0 || std::is_sorted(keys.begin(), keys.end(), is_before)) return;
    if (n > FEW_KEYS || !sort_few(boxes, keys)) std::sort(keys.begin(), keys.end(), is_before);
}

// All pairs, without branches where they could not be predicted: each row against the hulls of the strips of
// columns, then against the columns of the strips it meets. Columns mostly come from left to right, so that
// hulls are narrow; in any other order the same is found, more slowly.
void OverlapSweep::try_all(const std::vector<Box>& rows, const std::vector<Box>& cols,
                           std::vector<Edge>& out) {
    constexpr float FAR = std::numeric_limits<float>::infinity();
    const std::size_t n_strips = (cols.size() + STRIP - 1) / STRIP, n = n_strips * STRIP;
    const std::size_t n_hulls = (n_strips + LANES - 1) / LANES * LANES;
    sides_.assign(4 * (n + n_hulls), FAR);  // what fills up meets nothing
    float *left = sides_.data(), *top = left + n, *right = top + n, *bottom = right + n;
    float *hull_left = bottom + n, *hull_top = hull_left + n_hulls, *hull_right = hull_top + n_hulls,
          *hull_bottom = hull_right + n_hulls;
    for (std::size_t strip = 0, c = 0; strip < n_strips; ++strip) {
        Box hull = cols[c];
        for (const std::size_t end = std::min(c + STRIP, cols.size()); c < end; ++c) {
            const Box& box = cols[c];
            left[c] = box.x1;
            top[c] = box.y1;
            right[c] = box.x2;
            bottom[c] = box.y2;
            hull = {std::min(hull.x1, box.x1), std::min(hull.y1, box.y1), std::max(hull.x2, box.x2),
                    std::max(hull.y2, box.y2)};
        }
        hull_left[strip] = hull.x1;
        hull_top[strip] = hull.y1;
        hull_right[strip] = hull.x2;
        hull_bottom[strip] = hull.y2;
    }
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t first = 0; first < n_strips; first += LANES) {
            std::uint32_t met = overlaps<LANES>(
                rows[r], {hull_left + first, hull_top + first, hull_right + first, hull_bottom + first});
            for (; met != 0; met &= met - 1) {
                const std::size_t c = (first + __builtin_ctz(met)) * STRIP;
                std::uint32_t found = overlaps<STRIP>(rows[r], {left + c, top + c, right + c, bottom + c});
                for (; found != 0; found &= found - 1) {
                    out.push_back({static_cast<int>(r), static_cast<int>(c) + __builtin_ctz(found), 0});
                }
            }
        }
    }
}

void OverlapSweep::run(const std::vector<Box>& rows, const std::vector<Box>& cols, std::vector<Edge>& out) {
    out.clear();
    if (rows.empty() || cols.empty()) return;
    if (rows.size() * cols.size() <= FEW_PAIRS) {
        try_all(rows, cols, out);
        return;
    }
    sort_by_left(rows.data(), rows.size(), rows_);
    sort_by_left(cols.data(), cols.size(), cols_);
    open_rows_.resize(rows.size());
    open_cols_.resize(cols.size());
    std::size_t n_open_rows = 0, n_open_cols = 0;
    // Meets a box with those of the other kind that are still open at its left edge and forgets the closed
    // ones.
    const auto meet = [](const Box& box, std::vector<Open>& open, std::size_t& n_open, auto found) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < n_open; ++i) {
            const Open other = open[i];
            if (other.right <= box.x1) continue;
            if (other.top < box.y2 && box.y1 < other.bottom) found(other.index);
            open[kept++] = other;
        }
        n_open = kept;
    };
    std::size_t r = 0, c = 0;
    while (r < rows_.size() || c < cols_.size()) {
        const bool is_row =
            c == cols_.size() || (r < rows_.size() && rows_[r].bits >> 32 <= cols_[c].bits >> 32);
        const int index = is_row ? rows_[r++].index() : cols_[c++].index();
        if (is_row) {
            const Box& box = rows[index];
            meet(box, open_cols_, n_open_cols, [&](int col) { out.push_back({index, col, 0}); });
            open_rows_[n_open_rows++] = {box.x2, box.y1, box.y2, index};
        } else {
            const Box& box = cols[index];
            meet(box, open_rows_, n_open_rows, [&](int row) { out.push_back({row, index, 0}); });
            open_cols_[n_open_cols++] = {box.x2, box.y1, box.y2, index};
        }
    }
}

}  // namespace vision::track
