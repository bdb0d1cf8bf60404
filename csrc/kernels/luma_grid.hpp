// Mean luma of the cells of a grid laid over a picture: what a motion gate compares from frame to frame.
#pragma once
#include "picture.hpp"

namespace vision {

// out: rows x columns floats, row-major, 0..255 as stored, not overlapping the picture; a BGR picture's luma
// is that of BT.601. Every pixel counts by how much of it a cell covers; a grid finer than the picture is
// linear between pixel centers (see axis.hpp). Variants agree within 1e-3.
void luma_grid(const Picture& picture, int rows, int columns, float* out);

}  // namespace vision
