#include "track/box.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace vision::track {

namespace {
constexpr std::size_t FEW_PAIRS = 256;  // sooner tried than sorted
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

void OverlapSweep::run(const std::vector<Box>& rows, const std::vector<Box>& cols, std::vector<Edge>& out) {
    out.clear();
    if (rows.size() * cols.size() <= FEW_PAIRS) {
        for (std::size_t r = 0; r < rows.size(); ++r) {
            for (std::size_t c = 0; c < cols.size(); ++c) {
                const Box &a = rows[r], &b = cols[c];
                if (a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2)
                    out.push_back({static_cast<int>(r), static_cast<int>(c), 0});
            }
        }
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
