// Part of a picture, scaled to fit a model's input: RGB planes of float32 0..1, anchored top-left, the rest
// padded.
#pragma once
#include "picture.hpp"

namespace vision {

struct Fit {
    int width, height;        // pixels of the scaled part
    double scale_x, scale_y;  // output pixels per source pixel
};

// The largest size of the region's shape inside width x height, at least 1 x 1.
Fit fit(const Roi& roi, int width, int height);

// out: 3 planes of height rows of width floats, contiguous, not overlapping the picture. roi lies inside the
// picture. Each component is resampled straight to the output grid (see axis.hpp), then converted to RGB and
// clamped to 0..1. Samples beside the roi count where a piece reaches over its edge; samples beside the
// picture repeat the edge. Variants agree within 1.5e-4, a 26th of a level of 8 bits (shrinking 500-fold:
// 3e-4).
Fit letterbox(const Picture& picture, const Roi& roi, float pad, int width, int height, float* out);

}  // namespace vision
