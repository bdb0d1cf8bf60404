// Python face of the kernels: checks arguments, allocates results, releases the GIL.
#include <pybind11/stl.h>

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "bind.hpp"
#include "check.hpp"
#include "kernels/decode_heads.hpp"
#include "kernels/decode_text.hpp"
#include "kernels/iou_matrix.hpp"
#include "kernels/letterbox.hpp"
#include "kernels/luma_grid.hpp"
#include "kernels/sharpness.hpp"
#include "kernels/to_bgr.hpp"
#include "kernels/warp.hpp"

namespace py = pybind11;
using namespace pybind11::literals;

namespace {

using namespace vision;
using Bytes = py::array_t<std::uint8_t>;
using Floats = py::array_t<float>;
using Pair = std::array<double, 2>;

constexpr py::ssize_t MAX_OUT = 1 << 15;  // pixels along an axis of a result

template <typename T>
py::array_t<T> array_from(const std::vector<T>& values, std::vector<py::ssize_t> shape) {
    py::array_t<T> out(std::move(shape));
    std::copy(values.begin(), values.end(), out.mutable_data());
    return out;
}

void expect_finite(const char* name, double value) {
    if (!std::isfinite(value)) refuse(name, "a finite number", text_of(py::float_(value)));
}

std::pair<double, double> bind_letterbox(const std::string& layout, const py::tuple& data,
                                         const std::string& matrix, bool full_range, const py::object& out,
                                         const py::object& roi, double pad) {
    const Picture picture = picture_of(layout, data, matrix, full_range);
    const Roi region = roi_of(roi, picture);
    py::array tensor = array_of<float>("out", out);
    if (tensor.ndim() != 3 || tensor.shape(0) != 3 || tensor.shape(1) < 1 || tensor.shape(2) < 1 ||
        tensor.shape(1) > MAX_OUT || tensor.shape(2) > MAX_OUT) {
        refuse("out", "shape (3, h, w), h and w 1..32768", shape_text(tensor));
    }
    expect_finite("pad", pad);
    float* to = writable<float>("out", tensor);
    const int height = static_cast<int>(tensor.shape(1)), width = static_cast<int>(tensor.shape(2));
    const py::gil_scoped_release nogil;
    const Fit done = letterbox(picture, region, static_cast<float>(pad), width, height, to);
    return {done.scale_x, done.scale_y};
}

py::array bind_to_bgr(const std::string& layout, const py::tuple& data, const std::string& matrix,
                      bool full_range, const py::object& roi, const py::object& out) {
    const Picture picture = picture_of(layout, data, matrix, full_range);
    const Roi region = roi_of(roi, picture);
    const py::ssize_t h = region.y1 - region.y0, w = region.x1 - region.x0;
    py::array image =
        out.is_none() ? py::array(Bytes({h, w, py::ssize_t{3}})) : array_of<std::uint8_t>("out", out);
    if (image.ndim() != 3 || image.shape(0) != h || image.shape(1) != w || image.shape(2) != 3) {
        refuse("out", "shape " + text_of_shape(h, w, 3), shape_text(image));
    }
    auto* to = writable<std::uint8_t>("out", image);
    {
        const py::gil_scoped_release nogil;
        to_bgr(picture, region, to);
    }
    return image;
}

void bind_warp(const std::string& layout, const py::tuple& data, const std::string& matrix, bool full_range,
               const py::object& corners, const py::object& out) {
    const Picture picture = picture_of(layout, data, matrix, full_range);
    const py::array points = array_of<float>("corners", corners);
    py::array images = array_of<std::uint8_t>("out", out);
    const py::ssize_t dims = points.ndim();
    if ((dims != 2 && dims != 3) || points.shape(dims - 2) != 4 || points.shape(dims - 1) != 2) {
        refuse("corners", "shape (4, 2) or (n, 4, 2)", shape_text(points));
    }
    const py::ssize_t n = dims == 3 ? points.shape(0) : 1;
    if (images.ndim() != dims + 1 || (dims == 3 && images.shape(0) != n) || images.shape(dims) != 3) {
        refuse("out", dims == 3 ? "shape (n, h, w, 3) with one picture per corners" : "shape (h, w, 3)",
               shape_text(images));
    }
    const py::ssize_t height = images.shape(dims - 2), width = images.shape(dims - 1);
    if (height < 1 || width < 1 || height > MAX_OUT || width > MAX_OUT) {
        refuse("out", "h and w 1..32768", shape_text(images));
    }
    const auto* from = contiguous<float>("corners", points);
    auto* to = writable<std::uint8_t>("out", images);
    for (py::ssize_t i = 0; i < n; ++i) {
        if (is_quadrangle(from + 8 * i)) continue;
        refuse("corners", "finite quadrangles of at least 1 pixel, no three corners in line",
               text_of(points.attr("tolist")()));
    }
    const py::gil_scoped_release nogil;
    for (py::ssize_t i = 0; i < n; ++i) {
        warp(picture, from + 8 * i, static_cast<int>(width), static_cast<int>(height),
             to + i * height * width * 3);
    }
}

py::tuple bind_decode_heads(const py::object& rows, int height, int width, int n_classes, int geometry,
                            const std::vector<int>& strides, double min_score, double max_iou, Pair scale,
                            Pair origin, int limit) {
    const py::array raw = array_of<float>("rows", rows);
    if (geometry != 4 && geometry != 8) refuse("geometry", "4 or 8", std::to_string(geometry));
    if (n_classes < 0 || n_classes > 1 << 16) refuse("n_classes", "0..65536", std::to_string(n_classes));
    if (height < 1 || height > MAX_OUT) refuse("height", "1..32768", std::to_string(height));
    if (width < 1 || width > MAX_OUT) refuse("width", "1..32768", std::to_string(width));
    for (int stride : strides) {
        if (stride < 1) refuse("strides", "positive numbers", std::to_string(stride));
    }
    if (!(min_score >= 0 && min_score <= 1)) refuse("min_score", "0..1", text_of(py::float_(min_score)));
    if (!(max_iou >= 0 && max_iou <= 1)) refuse("max_iou", "0..1", text_of(py::float_(max_iou)));
    for (double k : scale) {
        expect_finite("scale", k);
        if (!(k > 0)) refuse("scale", "positive numbers", text_of(py::float_(k)));
    }
    for (double o : origin) expect_finite("origin", o);
    if (limit < 0) refuse("limit", "0 or more", std::to_string(limit));
    const HeadShape shape = {height, width, n_classes, geometry, strides};
    const auto n_points = static_cast<py::ssize_t>(shape.n_points());
    const auto row_size = static_cast<py::ssize_t>(shape.row_size());
    if (raw.ndim() != 2 || raw.shape(0) != n_points || raw.shape(1) != row_size) {
        refuse("rows", "shape " + text_of_shape(n_points, row_size), shape_text(raw));
    }
    const float* from = contiguous<float>("rows", raw);
    Heads found;
    std::ptrdiff_t bad = 0;
    {
        const py::gil_scoped_release nogil;
        bad = decode_heads(
            from, shape,
            {min_score, static_cast<float>(max_iou), limit, scale[0], scale[1], origin[0], origin[1]}, found);
    }
    if (bad >= 0)
        refuse("rows", "finite numbers",
               text_of(raw[py::int_(bad)].attr("tolist")()) + " in row " + std::to_string(bad));
    const auto n = static_cast<py::ssize_t>(found.scores.size());
    const auto shape_out = geometry == 4 ? std::vector<py::ssize_t>{n, 4} : std::vector<py::ssize_t>{n, 4, 2};
    return py::make_tuple(array_from(found.geometry, shape_out), array_from(found.scores, {n}),
                          array_from(found.probs, {n, n_classes}));
}

py::tuple bind_decode_text(const py::object& log_probs, const py::object& masks, const py::object& bias,
                           int limit) {
    const py::array probs = array_of<float>("log_probs", log_probs);
    if (probs.ndim() != 2 || probs.shape(0) < 1 || probs.shape(1) < 1 || probs.shape(0) > 1024 ||
        probs.shape(1) > 256) {
        refuse("log_probs", "shape (slots, characters), 1..1024 and 1..256", shape_text(probs));
    }
    const py::array allowed = array_of<std::uint8_t>("masks", masks);
    const py::ssize_t slots = probs.shape(0), n_symbols = probs.shape(1);
    if (allowed.ndim() != 3 || allowed.shape(1) != slots || allowed.shape(2) != n_symbols ||
        allowed.shape(0) > 1 << 16) {
        refuse("masks", "shape (patterns, " + std::to_string(slots) + ", " + std::to_string(n_symbols) + ")",
               shape_text(allowed));
    }
    const py::ssize_t n_patterns = allowed.shape(0);
    const py::array priors = bias.is_none()
                                 ? py::array(array_from(std::vector<float>(n_patterns), {n_patterns}))
                                 : array_of<float>("bias", bias);
    if (priors.ndim() != 1 || priors.shape(0) != n_patterns) {
        refuse("bias", "shape " + text_of_shape(n_patterns), shape_text(priors));
    }
    if (limit < 0 || limit > 1 << 16) refuse("limit", "0..65536", std::to_string(limit));
    const TextQuestion question = {static_cast<int>(slots),
                                   static_cast<int>(n_symbols),
                                   static_cast<int>(n_patterns),
                                   contiguous<float>("log_probs", probs),
                                   contiguous<std::uint8_t>("masks", allowed),
                                   contiguous<float>("bias", priors),
                                   limit};
    const auto expect_numbers = [](const char* name, const float* values, py::ssize_t n) {
        for (py::ssize_t i = 0; i < n; ++i) {
            if (!(values[i] < INFINITY))
                refuse(name, "numbers below infinity", text_of(py::float_(values[i])));
        }
    };
    expect_numbers("log_probs", question.log_probs, slots * n_symbols);
    expect_numbers("bias", question.bias, n_patterns);
    Texts found;
    {
        const py::gil_scoped_release nogil;
        decode_text(question, found);
    }
    const auto n = static_cast<py::ssize_t>(found.scores.size());
    return py::make_tuple(array_from(found.patterns, {n}), array_from(found.symbols, {n, slots}),
                          array_from(found.scores, {n}));
}

void bind_luma_grid(const std::string& layout, const py::tuple& data, const std::string& matrix,
                    bool full_range, const py::object& out) {
    const Picture picture = picture_of(layout, data, matrix, full_range);
    py::array cells = array_of<float>("out", out);
    if (cells.ndim() != 2 || cells.shape(0) < 1 || cells.shape(1) < 1 || cells.shape(0) > MAX_OUT ||
        cells.shape(1) > MAX_OUT) {
        refuse("out", "shape (rows, columns), 1..32768 each", shape_text(cells));
    }
    float* to = writable<float>("out", cells);
    const int rows = static_cast<int>(cells.shape(0)), columns = static_cast<int>(cells.shape(1));
    const py::gil_scoped_release nogil;
    luma_grid(picture, rows, columns, to);
}

double bind_sharpness(const py::object& image) {
    const py::array pixels = array_of<std::uint8_t>("image", image);
    const py::ssize_t dims = pixels.ndim(), step = dims == 3 ? pixels.shape(2) : 1;
    if ((dims != 2 && dims != 3) || (dims == 3 && step != 3))
        refuse("image", "shape (h, w) or (h, w, 3)", shape_text(pixels));
    const py::ssize_t h = pixels.shape(0), w = pixels.shape(1);
    if (h > 0 && w > (1 << 24) / h) refuse("image", "at most 2**24 pixels", shape_text(pixels));
    if (pixels.size() > 0 &&
        ((w > 1 && pixels.strides(1) != step) || (dims == 3 && pixels.strides(2) != 1))) {
        refuse("image", "rows with contiguous samples", "strides " + text_of(pixels.attr("strides")));
    }
    const Pixels view = {static_cast<const std::uint8_t*>(pixels.data()), pixels.strides(0),
                         static_cast<int>(step), static_cast<int>(w), static_cast<int>(h)};
    const py::gil_scoped_release nogil;
    return sharpness(view);
}

Floats bind_iou_matrix(const py::object& a, const py::object& b) {
    const py::array first = array_of<float>("a", a), second = array_of<float>("b", b);
    if (first.ndim() != 2 || first.shape(1) != 4) refuse("a", "shape (n, 4)", shape_text(first));
    if (second.ndim() != 2 || second.shape(1) != 4) refuse("b", "shape (m, 4)", shape_text(second));
    const float *p = contiguous<float>("a", first), *q = contiguous<float>("b", second);
    Floats out({first.shape(0), second.shape(0)});
    float* to = out.mutable_data();
    {
        const py::gil_scoped_release nogil;
        iou_matrix(p, static_cast<std::size_t>(first.shape(0)), q, static_cast<std::size_t>(second.shape(0)),
                   to);
    }
    return out;
}

}  // namespace

void bind_kernels(py::module_& m) {
    m.def("letterbox", &bind_letterbox, "layout"_a, "data"_a, "matrix"_a, "full_range"_a, "out"_a, "roi"_a,
          "pad"_a);
    m.def("to_bgr", &bind_to_bgr, "layout"_a, "data"_a, "matrix"_a, "full_range"_a, "roi"_a, "out"_a);
    m.def("warp", &bind_warp, "layout"_a, "data"_a, "matrix"_a, "full_range"_a, "corners"_a, "out"_a);
    m.def("decode_heads", &bind_decode_heads, "rows"_a, "height"_a, "width"_a, "n_classes"_a, "geometry"_a,
          "strides"_a, "min_score"_a, "max_iou"_a, "scale"_a, "origin"_a, "limit"_a);
    m.def("decode_text", &bind_decode_text, "log_probs"_a, "masks"_a, "bias"_a, "limit"_a);
    m.def("luma_grid", &bind_luma_grid, "layout"_a, "data"_a, "matrix"_a, "full_range"_a, "out"_a);
    m.def("sharpness", &bind_sharpness, "image"_a);
    m.def("iou_matrix", &bind_iou_matrix, "a"_a, "b"_a);
}
