// The pixels of one picture as a decoder left them, and the way from YCbCr to RGB.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vision {

enum class Layout { i420, nv12, bgr };

// Row-strided views; rows hold contiguous samples. i420: y, u, v; nv12: y, uv interleaved; bgr: one interleaved plane.
struct Planes {
    Layout layout;
    int width, height;  // of the luma or BGR plane, in pixels
    const std::uint8_t* data[3];
    std::ptrdiff_t stride[3];  // bytes from row to row
    bool is_bt709;
    bool is_full_range;

    int chroma_width() const { return (width + 1) / 2; }
    int chroma_height() const { return (height + 1) / 2; }
};

// r = ky (y - y0) + rv v', g = ... - gu u' - gv v', b = ... + bu u', with u' = u - 128 and samples 0..255.
// Source: ITU-R BT.601-7 table 3 and BT.709-6 items 3.2 and 3.4 (limited range 16..235 / 16..240), H.273 (full range).
struct YuvToRgb {
    float y0, ky, rv, gu, gv, bu;

    explicit YuvToRgb(const Planes& p) {
        const float kr = p.is_bt709 ? 0.2126f : 0.299f, kb = p.is_bt709 ? 0.0722f : 0.114f, kg = 1 - kr - kb;
        const float kc = p.is_full_range ? 1.f : 255.f / 224.f;
        y0 = p.is_full_range ? 0.f : 16.f;
        ky = p.is_full_range ? 1.f : 255.f / 219.f;
        rv = 2 * (1 - kr) * kc;
        bu = 2 * (1 - kb) * kc;
        gu = kb * bu / kg;
        gv = kr * rv / kg;
    }
};

}  // namespace vision
