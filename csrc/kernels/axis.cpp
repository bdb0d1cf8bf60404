#include "kernels/axis.hpp"

#include <algorithm>
#include <cmath>

namespace vision {

bool Axis::plan(double from, double to, int n_source, int n_out) {
    if (from == from_ && to == to_ && n_source == n_source_ && n_out == this->n_out()) return false;
    from_ = from;
    to_ = to;
    n_source_ = n_source;
    const double piece = (to - from) / n_out;
    first.clear();
    begin.assign(1, 0);
    weight.clear();
    for (int i = 0; i < n_out; ++i) {
        if (piece >= 1) {
            const double a = from + i * piece, b = i + 1 < n_out ? from + (i + 1) * piece : to;
            const int lo = static_cast<int>(a),
                      hi = std::min(static_cast<int>(std::ceil(b - 1e-9)), n_source);
            first.push_back(lo);
            for (int s = lo; s < hi; ++s) {
                weight.push_back(static_cast<float>((std::min(b, s + 1.) - std::max(a, double(s))) / piece));
            }
        } else {
            const double center = std::clamp(from + (i + .5) * piece - .5, 0., n_source - 1.);
            const int lo = std::min(static_cast<int>(center), std::max(n_source - 2, 0));
            first.push_back(lo);
            weight.push_back(static_cast<float>(1 - (center - lo)));
            if (n_source > 1) weight.push_back(static_cast<float>(center - lo));
        }
        begin.push_back(static_cast<int>(weight.size()));
    }
    return true;
}

}  // namespace vision
