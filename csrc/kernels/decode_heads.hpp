// Raw rows of a detection network -> boxes or corners in the source picture, best first, without duplicates.
#pragma once
#include <cstddef>
#include <vector>

namespace vision {

// A row is (quality logit, n_classes class logits, geometry values in units of the stride). Rows follow the
// strides in order, each a grid of (height / stride) x (width / stride) points in row-major order.
struct HeadShape {
    int height, width;  // of the network's input, pixels
    int n_classes;
    int geometry;  // 4: distances from the point to left, top, right, bottom; 8: offsets to the four corners
    std::vector<int> strides;

    std::size_t n_points() const;
    std::size_t row_size() const { return 1 + static_cast<std::size_t>(n_classes) + geometry; }
};

struct HeadRules {
    double min_score;  // 0..1, rows at or below are dropped
    float max_iou;     // of upright boxes, whatever their class; the worse one is dropped
    int limit;         // how many to return
    // Network coordinates have their pixel centers on whole numbers (point ((x + .5) stride, (y + .5)
    // stride)): q becomes (q + .5) / scale + origin.
    double scale_x, scale_y, origin_x, origin_y;
};

// n detections: geometry (n, geometry) as xyxy or clockwise corners, scores (n,), class probabilities (n,
// n_classes).
struct Heads {
    std::vector<float> geometry, scores, probs;
};

// rows: n_points() x row_size() floats. Equal scores keep the order of the rows. Returns the index of the
// first row that holds NaN where it is looked at (the quality of every row, all of a row above min_score), or
// -1.
std::ptrdiff_t decode_heads(const float* rows, const HeadShape& shape, const HeadRules& rules, Heads& out);

}  // namespace vision
