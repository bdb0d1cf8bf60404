// The pieces of the Python module; each is one file.
#pragma once
#include <pybind11/pybind11.h>

void bind_kernels(pybind11::module_& m);
void bind_track(pybind11::module_& m);
