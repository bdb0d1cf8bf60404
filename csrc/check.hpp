// Argument checks of the Python faces: `name: expected X, got Y`, TypeError for kinds, ValueError for values.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "picture.hpp"

namespace vision {

namespace py = pybind11;

[[noreturn]] inline void refuse(const std::string& name, const std::string& expected,
                                const std::string& got) {
    throw py::value_error(name + ": expected " + expected + ", got " + got);
}

inline std::string text_of(const py::handle& value) { return py::str(value).cast<std::string>(); }

inline std::string shape_text(const py::array& array) { return text_of(array.attr("shape")); }

template <typename... Sizes>
std::string text_of_shape(Sizes... sizes) {
    return text_of(py::make_tuple(sizes...));
}

// An ndarray of exactly this element type, whatever its shape and strides.
template <typename T>
py::array array_of(const char* name, const py::handle& value) {
    if (py::isinstance<py::array>(value)) {
        const auto array = py::reinterpret_borrow<py::array>(value);
        if (array.dtype().is(py::dtype::of<T>()) || array.dtype().equal(py::dtype::of<T>())) return array;
        throw py::type_error(std::string(name) + ": expected " + text_of(py::dtype::of<T>()) + ", got " +
                             text_of(array.dtype()));
    }
    throw py::type_error(std::string(name) + ": expected an ndarray of " + text_of(py::dtype::of<T>()) +
                         ", got " + text_of(py::type::of(value).attr("__name__")));
}

// Same, C-contiguous, to be read.
template <typename T>
const T* contiguous(const char* name, const py::array& array) {
    if ((array.flags() & py::array::c_style) == 0)
        refuse(name, "a C-contiguous array", "strides " + text_of(array.attr("strides")));
    return static_cast<const T*>(array.data());
}

// Same, to be written.
template <typename T>
T* writable(const char* name, py::array& array) {
    contiguous<T>(name, array);
    if (!array.writeable()) refuse(name, "a writable array", "a read-only one");
    return static_cast<T*>(array.mutable_data());
}

// The picture in (layout, data, matrix, full_range) of `vision.types.Planes`; the arrays must outlive it.
Picture picture_of(const std::string& layout, const py::tuple& data, const std::string& matrix,
                   bool full_range);

// The region, or the whole picture for None.
Roi roi_of(const py::object& roi, const Picture& picture);

}  // namespace vision
