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
constexpr std::size_t STRIP = 16;        // boxes that are tried at once

// Which of STRIP others a box overlaps, a bit each; their sides lie at multiples of 16 bytes, as operator new
// gives them.
std::uint32_t overlaps(const Box& a, const float* left, const float* top, const float* right,
                       const float* bottom) {
    std::uint32_t found = 0;
#ifdef __SSE2__  // part of x86-64
    const __m128 x1 = _mm_set1_ps(a.x1), y1 = _mm_set1_ps(a.y1), x2 = _mm_set1_ps(a.x2),
                 y2 = _mm_set1_ps(a.y2);
    for (std::size_t c = 0; c < STRIP; c += 4) {
        const __m128 wide =
            _mm_and_ps(_mm_cmplt_ps(x1, _mm_load_ps(right + c)), _mm_cmplt_ps(_mm_load_ps(left + c), x2));
        const __m128 high =
            _mm_and_ps(_mm_cmplt_ps(y1, _mm_load_ps(bottom + c)), _mm_cmplt_ps(_mm_load_ps(top + c), y2));
        found |= static_cast<std::uint32_t>(_mm_movemask_ps(_mm_and_ps(wide, high))) << c;
    }
#else
    for (std::size_t c = 0; c < STRIP; ++c) {
        const bool is_hit = (a.x1 < right[c]) & (left[c] < a.x2) & (a.y1 < bottom[c]) & (top[c] < a.y2);
        found |= std::uint32_t{is_hit} << c;
    }
#endif
    return found;
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
    if (!std::is_sorted(keys.begin(), keys.end(), is_before)) std::sort(keys.begin(), keys.end(), is_before);
}

// All pairs, without branches where they could not be predicted: one row against STRIP columns at a time.
void OverlapSweep::try_all(const std::vector<Box>& rows, const std::vector<Box>& cols,
                           std::vector<Edge>& out) {
    const std::size_t n = (cols.size() + STRIP - 1) / STRIP * STRIP;
    sides_.assign(4 * n, std::numeric_limits<float>::infinity());  // what fills up meets nothing
    float *left = sides_.data(), *top = left + n, *right = top + n, *bottom = right + n;
    for (std::size_t c = 0; c < cols.size(); ++c) {
        left[c] = cols[c].x1;
        top[c] = cols[c].y1;
        right[c] = cols[c].x2;
        bottom[c] = cols[c].y2;
    }
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t strip = 0; strip < n; strip += STRIP) {
            std::uint32_t found = overlaps(rows[r], left + strip, top + strip, right + strip, bottom + strip);
            for (; found != 0; found &= found - 1) {
                const int col = static_cast<int>(strip) + __builtin_ctz(found);
                out.push_back({static_cast<int>(r), col, 0});
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
