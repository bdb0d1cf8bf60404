// A quadrangle of a picture seen straight on, as BGR bytes: plates for the reader, vehicles for the
// classifier.
#pragma once
#include "picture.hpp"

namespace vision {

// corners: 4 points (x, y) in pixels of the picture, clockwise from the top left.
// True if warp can use them: finite, at least 1 pixel of area, no three in line.
bool is_quadrangle(const float corners[8]);

// out: (height, width, 3) bytes, contiguous, not overlapping the picture. The caller guarantees is_quadrangle
// and corners within +-1e6. The output's rectangle is mapped to the quadrangle by the homography of the four
// corners; each output pixel is the mean of nx x ny points spread evenly over it, each bilinear in every
// component with the picture's edge repeated; then RGB, clamped, rounded to nearest. nx = 1 unless the longer
// of the upper and lower edge is more than 1.3 times `width`, then ceil of that ratio, at most 8; ny likewise
// with left and right edge. Not convex: nothing outside the picture is read, but the result means little.
// Variants agree within 1. Source: Heckbert, Fundamentals of texture mapping and image warping (1989),
// section 2.2.3.
void warp(const Picture& picture, const float corners[8], int width, int height, std::uint8_t* out);

}  // namespace vision
