// The Python module `vision._kernels`.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bind.hpp"
#include "cpu.hpp"

namespace py = pybind11;
using namespace pybind11::literals;

PYBIND11_MODULE(_kernels, m, py::mod_gil_not_used()) {
    vision::simd_level();  // read VISION_SIMD now, so that a wrong value fails the import

    m.def("simd_level", [] { return vision::name_of(vision::simd_level()); });
    m.def("simd_levels", [] {
        std::vector<std::string> names;
        for (auto level : vision::simd_levels()) names.emplace_back(vision::name_of(level));
        return names;
    });
    m.def("set_simd_level", &vision::set_simd_level, "name"_a);
    bind_kernels(m);
    bind_track(m);
}
