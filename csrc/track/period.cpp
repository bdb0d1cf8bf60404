#include "track/period.hpp"

#include <algorithm>

namespace vision::track {

void FramePeriod::add(double dt_s) {
    if (fixed_s_ > 0) return;
    double& oldest = steps_[n_ % MEMORY];
    if (n_++ >= MEMORY && oldest == dt_s) return;  // the same steps as before
    oldest = dt_s;
    const std::size_t n = std::min(n_, MEMORY);
    auto sorted = steps_;
    const auto middle = sorted.begin() + (n - 1) / 2;  // the shorter one of an even number
    std::nth_element(sorted.begin(), middle, sorted.begin() + n);
    median_s_ = *middle;
}

}  // namespace vision::track
