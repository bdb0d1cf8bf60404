// Part of a picture as interleaved BGR bytes at its own size.
#pragma once
#include "picture.hpp"

namespace vision {

// out: (roi height, roi width, 3) bytes, contiguous, not overlapping the picture. roi lies inside the
// picture. Each pixel takes the chroma sample that covers it (nearest), is converted in 13-bit fixed point,
// rounded to the nearest level and clamped. All variants give the same bytes.
void to_bgr(const Picture& picture, const Roi& roi, std::uint8_t* out);

}  // namespace vision
