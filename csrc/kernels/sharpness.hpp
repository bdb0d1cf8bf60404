// How sharp a picture is, whatever its contrast: the share of the finest detail in it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vision {

// BGR (step 3) or gray (step 1) bytes; rows `stride` bytes apart, pixels contiguous.
struct Pixels {
    const std::uint8_t* data;
    std::ptrdiff_t stride;
    int step, width, height;
};

// var(L) / (var(I) + 1): I is the gray picture in levels 0..255, (29 B + 150 G + 77 R + 128) / 256 rounded
// down for BGR; L, over the pixels that have all four neighbors, is the sum of these minus four times the
// pixel. The 1 keeps one level of noise on a flat picture from looking sharp. 0 below 3 x 3 pixels. White
// noise gives 20, a sharp plate about 1. At most 2**24 pixels. All variants give the same number. Source: the
// variance of the Laplacian is LAPV in Pertuz et al., Analysis of focus measure operators (2013), app. A.
double sharpness(const Pixels& image);

}  // namespace vision
