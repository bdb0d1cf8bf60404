// A picture as a decoder leaves it: three components, and the way from them to RGB. Lengths in pixels.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vision {

// One component. Sample (x, y) is data[y * stride + x * step + offset]; data[y * stride + x * step ..] is the
// first byte of its group (step 1: planar, 2: CbCr pairs, 3: BGR triplets). The stride may be negative.
struct Component {
    const std::uint8_t* data;
    std::ptrdiff_t stride;
    int step, offset;
    int width, height;
    float share;  // samples per picture pixel along an axis: 1, or 0.5 for chroma (sample j covers [2j, 2j +
                  // 2))

    const std::uint8_t* row(int y) const { return data + y * stride; }
    float at(int x, int y) const { return row(y)[x * step + offset]; }
};

// Components are Y, Cb, Cr or R, G, B. Color channel c, 0..1 before clamping, of the samples s (0..255) is
// to_rgb[c] . (s0, s1, s2, 1).
struct Picture {
    int width, height;
    Component part[3];
    float to_rgb[3][4];
    bool is_bgr;
};

// Integer pixels, x0 < x1, y0 < y1.
struct Roi {
    int x0, y0, x1, y1;
};

// Fills to_rgb from the luma weights of red and blue. Source: ITU-R BT.601-7 2.5 and BT.709-6 3 (weights,
// ranges).
inline void set_color(Picture& picture, double kr, double kb, bool full_range) {
    const double kg = 1 - kr - kb;
    const double luma = full_range ? 1 / 255. : 1 / 219., chroma = full_range ? 1 / 255. : 1 / 224.;
    const double black = full_range ? 0 : 16;
    const double cb[3] = {0, -2 * kb * (1 - kb) / kg, 2 * (1 - kb)},
                 cr[3] = {2 * (1 - kr), -2 * kr * (1 - kr) / kg, 0};
    for (int c = 0; c < 3; ++c) {
        picture.to_rgb[c][0] = static_cast<float>(luma);
        picture.to_rgb[c][1] = static_cast<float>(cb[c] * chroma);
        picture.to_rgb[c][2] = static_cast<float>(cr[c] * chroma);
        picture.to_rgb[c][3] = static_cast<float>(-black * luma - 128 * chroma * (cb[c] + cr[c]));
    }
}

}  // namespace vision
