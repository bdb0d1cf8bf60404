#include "track/box.hpp"

#include <algorithm>
#include <cstddef>

namespace vision::track {

namespace {
constexpr std::size_t FEW_PAIRS = 256;  // sooner tried than sorted
}  // namespace

Box grow(const Box& box, double share) {
    const auto dx = static_cast<float>(share * (box.x2 - box.x1));
    const auto dy = static_cast<float>(share * (box.y2 - box.y1));
    return {box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy};
}

double iou(const Box& a, const Box& b) {
    const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const float h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (w <= 0 || h <= 0) return 0;
    const float both = w * h;
    return both / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - both);
}

void OverlapSweep::fill(const std::vector<Box>& boxes, std::vector<Item>& items) {
    items.clear();
    for (std::size_t i = 0; i < boxes.size(); ++i) items.push_back({boxes[i], static_cast<int>(i)});
    const auto is_before = [](const Item& a, const Item& b) {
        return a.box.x1 != b.box.x1 ? a.box.x1 < b.box.x1 : a.index < b.index;
    };
    if (!std::is_sorted(items.begin(), items.end(), is_before))
        std::sort(items.begin(), items.end(), is_before);
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
    fill(rows, rows_);
    fill(cols, cols_);
    open_rows_.clear();
    open_cols_.clear();
    // Meets `item` with the boxes of the other kind that are still open at its left edge and forgets the
    // closed ones.
    const auto meet = [&out](const Item& item, std::vector<Item>& open, bool item_is_row) {
        std::size_t kept = 0;
        for (const Item& other : open) {
            if (other.box.x2 <= item.box.x1) continue;
            if (other.box.y1 < item.box.y2 && item.box.y1 < other.box.y2) {
                out.push_back(item_is_row ? Edge{item.index, other.index, 0}
                                          : Edge{other.index, item.index, 0});
            }
            open[kept++] = other;
        }
        open.resize(kept);
    };
    std::size_t r = 0, c = 0;
    while (r < rows_.size() || c < cols_.size()) {
        if (c == cols_.size() || (r < rows_.size() && rows_[r].box.x1 <= cols_[c].box.x1)) {
            meet(rows_[r], open_cols_, true);
            open_rows_.push_back(rows_[r++]);
        } else {
            meet(cols_[c], open_rows_, false);
            open_cols_.push_back(cols_[c++]);
        }
    }
}

}  // namespace vision::track
