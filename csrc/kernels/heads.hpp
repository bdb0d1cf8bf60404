// Raw rows of the detection networks -> distinct boxes or quadrangles in source pixels; overlap of boxes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vision {

struct HeadShape {
    int height, width;         // of the network's input
    int n_classes, geometry;   // geometry 4: left, top, right, bottom distances; 8: corner offsets; in strides
    std::vector<int> strides;  // points are ordered by stride, then row by row
};

struct Found {
    std::vector<float> geometry;  // n x 4 (x1 y1 x2 y2) or n x 8 (four corners), continuous source pixels
    std::vector<float> score;     // sigmoid of the quality logit, best first
    std::vector<float> probs;     // n x n_classes, softmax
};

std::size_t n_points(const HeadShape& shape);

// rows: n_points x (1 + n_classes + geometry) floats. Points of at least min_score are decoded (the best 1000 at most)
// and greedily thinned: one that overlaps a better one's upright box by more than max_iou goes. At most `limit` remain.
// A network coordinate q counts pixel centers at whole numbers; the source coordinate is (q + .5) / scale + origin.
// Throws std::invalid_argument on a score that is not a number.
Found decode_heads(const float* rows, const HeadShape& shape, float min_score, float max_iou, const float scale[2],
                   const float origin[2], int limit);

// out[i * m + j]: intersection over union of boxes a[i] and b[j] (x1 y1 x2 y2); 0 where a box is empty.
void iou_matrix(const float* a, std::size_t n, const float* b, std::size_t m, float* out);

}  // namespace vision
