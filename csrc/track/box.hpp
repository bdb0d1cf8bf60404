// Boxes, their overlap, and the sweep that finds the few pairs worth scoring.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vision::track {

// Half-open rectangle in pixels of the source frame; x1 < x2, y1 < y2.
struct Box {
    float x1, y1, x2, y2;
};

// The box with `share` of its width and height added on every side. Source: C-BIoU, arXiv 2211.14317.
inline Box grow(const Box& box, double share) {
    const auto dx = static_cast<float>(share * (box.x2 - box.x1));
    const auto dy = static_cast<float>(share * (box.y2 - box.y1));
    return {box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy};
}

// Intersection over union, 0..1.
inline float iou(const Box& a, const Box& b) {
    const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const float h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (w <= 0 || h <= 0) return 0;
    const float both = w * h;
    return both / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - both);
}

// One possible assignment of a column (detection) to a row (track).
struct Edge {
    int row, col;
    float cost;
};

// The left edge of a box and which box it is, in one number that sorts fast.
struct LeftKey {
    std::uint64_t bits;

    int index() const { return static_cast<int>(bits & 0xFFFFFFFFU); }
};

// The boxes from left to right, those with the same left edge in the order they came.
void sort_by_left(const Box* boxes, std::size_t n, std::vector<LeftKey>& keys);

// Writes every pair of overlapping boxes to `out` (cleared first, cost 0), by a sweep along x.
// Cost: sorting plus the pairs that overlap along x; buffers are kept between calls.
class OverlapSweep {
  public:
    void run(const std::vector<Box>& rows, const std::vector<Box>& cols, std::vector<Edge>& out);

  private:
    struct Open {  // a box whose left edge the sweep has passed
        float right, top, bottom;
        int index;
    };
    std::vector<LeftKey> rows_, cols_;
    std::vector<Open> open_rows_, open_cols_;
    std::vector<float> sides_;  // of the columns, one side after the other

    void try_all(const std::vector<Box>& rows, const std::vector<Box>& cols, std::vector<Edge>& out);
};

}  // namespace vision::track
