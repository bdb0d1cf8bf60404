// Intersection over union of every box with every other.
#pragma once
#include <cstddef>

namespace vision {

// a: n boxes, b: m boxes of 4 floats x1 y1 x2 y2, half-open, pixels. out: n x m floats, row-major, not
// overlapping a or b. A box with a side that is not positive is empty: its row or column is 0. Variants give
// the same numbers.
void iou_matrix(const float* a, std::size_t n, const float* b, std::size_t m, float* out);

}  // namespace vision
