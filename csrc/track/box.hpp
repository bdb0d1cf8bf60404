// Boxes, their overlap, and the sweep that finds the few pairs worth scoring.
#pragma once

#include <vector>

namespace vision::track {

// Half-open rectangle in pixels of the source frame; x1 < x2, y1 < y2.
struct Box {
    float x1, y1, x2, y2;
};

// The box with `share` of its width and height added on every side. Source: C-BIoU, arXiv 2211.14317.
Box grow(const Box& box, double share);

// Intersection over union, 0..1.
double iou(const Box& a, const Box& b);

// One possible assignment of a column (detection) to a row (track).
struct Edge {
    int row, col;
    float cost;
};

// Writes every pair of overlapping boxes to `out` (cleared first, cost 0), by a sweep along x.
// Cost: sorting plus the pairs that overlap along x; buffers are kept between calls.
class OverlapSweep {
  public:
    void run(const std::vector<Box>& rows, const std::vector<Box>& cols, std::vector<Edge>& out);

  private:
    struct Item {
        Box box;
        int index;
    };
    std::vector<Item> rows_, cols_, open_rows_, open_cols_;

    static void fill(const std::vector<Box>& boxes, std::vector<Item>& items);
};

}  // namespace vision::track
