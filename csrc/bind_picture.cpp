// Python arrays -> Picture and Roi, checked.
#include <pybind11/stl.h>

#include <array>

#include "check.hpp"

namespace vision {
namespace {

constexpr py::ssize_t MAX_SIDE = 1 << 24, MAX_BYTES = py::ssize_t{1} << 31;  // offsets fit 32 bits

// One array of a picture: (height, width) or (height, width, step), contiguous in a row.
Component plane_of(const char* name, const py::handle& value, py::ssize_t height, py::ssize_t width,
                   int step) {
    const py::array array = array_of<std::uint8_t>(name, value);
    const auto expected = step == 1 ? text_of_shape(height, width) : text_of_shape(height, width, step);
    const bool is_right = array.ndim() == (step == 1 ? 2 : 3) && array.shape(0) == height &&
                          array.shape(1) == width && (step == 1 || array.shape(2) == step);
    if (!is_right) refuse(name, "shape " + expected, shape_text(array));
    // The stride of an axis with one element means nothing.
    const bool is_dense = (width == 1 || array.strides(1) == step) && (step == 1 || array.strides(2) == 1);
    if (!is_dense) refuse(name, "rows with contiguous samples", "strides " + text_of(array.attr("strides")));
    const py::ssize_t stride = height == 1 ? width * step : array.strides(0);
    if (width > MAX_SIDE || height > MAX_SIDE || (stride < 0 ? -stride : stride) > (MAX_BYTES - 1) / height) {
        refuse(name, "less than 2**31 bytes",
               "shape " + shape_text(array) + " with row stride " + std::to_string(stride));
    }
    return {static_cast<const std::uint8_t*>(array.data()),
            stride,
            step,
            0,
            static_cast<int>(width),
            static_cast<int>(height),
            1};
}

void expect_arrays(const std::string& layout, const py::tuple& data, std::size_t n) {
    if (data.size() != n) {
        refuse("planes", std::to_string(n) + " arrays for " + layout, std::to_string(data.size()));
    }
}

}  // namespace

Picture picture_of(const std::string& layout, const py::tuple& data, const std::string& matrix,
                   bool full_range) {
    const bool is_bgr = layout == "bgr", is_nv12 = layout == "nv12";
    if (!is_bgr && !is_nv12 && layout != "i420") refuse("planes.layout", "i420, nv12 or bgr", layout);
    if (matrix != "bt601" && matrix != "bt709") refuse("planes.matrix", "bt601 or bt709", matrix);
    expect_arrays(layout, data, is_bgr ? 1 : is_nv12 ? 2 : 3);
    const char* name = is_bgr ? "planes.data[0]" : "planes.data[0] (luma)";
    const py::array first = array_of<std::uint8_t>(name, data[0]);
    const py::ssize_t n_dims = is_bgr ? 3 : 2;
    if (first.ndim() != n_dims || first.shape(0) < 1 || first.shape(1) < 1 ||
        (is_bgr && first.shape(2) != 3)) {
        refuse(name, is_bgr ? "shape (h, w, 3), at least 1 x 1" : "shape (h, w), at least 1 x 1",
               shape_text(first));
    }
    const py::ssize_t h = first.shape(0), w = first.shape(1), half_h = (h + 1) / 2, half_w = (w + 1) / 2;
    Picture out{};
    out.is_bgr = is_bgr;
    out.part[0] = plane_of(name, data[0], h, w, is_bgr ? 3 : 1);
    out.width = out.part[0].width;
    out.height = out.part[0].height;
    if (is_bgr) {
        for (int c = 0; c < 3; ++c) {
            out.part[c] = out.part[0];
            out.part[c].offset = 2 - c;
            out.to_rgb[c][c] = 1 / 255.f;
        }
        return out;
    }
    if (is_nv12) {
        out.part[1] = out.part[2] = plane_of("planes.data[1] (chroma)", data[1], half_h, half_w, 2);
        out.part[2].offset = 1;
    } else {
        out.part[1] = plane_of("planes.data[1] (Cb)", data[1], half_h, half_w, 1);
        out.part[2] = plane_of("planes.data[2] (Cr)", data[2], half_h, half_w, 1);
    }
    out.part[1].share = out.part[2].share = .5f;
    if (matrix == "bt601") {
        set_color(out, .299, .114, full_range);
    } else {
        set_color(out, .2126, .0722, full_range);
    }
    return out;
}

Roi roi_of(const py::object& roi, const Picture& picture) {
    if (roi.is_none()) return {0, 0, picture.width, picture.height};
    std::array<long long, 4> r{};
    try {
        r = roi.cast<std::array<long long, 4>>();
    } catch (const py::cast_error&) {
        throw py::type_error("roi: expected four whole numbers (x0, y0, x1, y1), got " +
                             text_of(py::repr(roi)));
    }
    if (r[0] < 0 || r[1] < 0 || r[0] >= r[2] || r[1] >= r[3] || r[2] > picture.width ||
        r[3] > picture.height) {
        refuse("roi", "x0 < x1 and y0 < y1 inside " + text_of_shape(0, 0, picture.width, picture.height),
               text_of(py::repr(roi)));
    }
    return {static_cast<int>(r[0]), static_cast<int>(r[1]), static_cast<int>(r[2]), static_cast<int>(r[3])};
}

}  // namespace vision
