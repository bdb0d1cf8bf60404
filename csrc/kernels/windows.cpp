#include "kernels/windows.hpp"

#include <algorithm>
#include <cmath>

namespace vision {
namespace {

constexpr int WINDOW = 8, GROUP = 8, HALF = 4;

int n_taps(const Axis& axis, int i) { return axis.begin[i + 1] - axis.begin[i]; }

// Do 8 samples hold that many neighboring outputs, whichever the first is?
bool fits(const Axis& axis, int n_outputs) {
    for (int i = 0; i < axis.n_out(); ++i) {
        const int last = std::min(i + n_outputs, axis.n_out()) - 1;
        if (n_taps(axis, i) > WINDOW / n_outputs) return false;
        if (axis.first[last] + n_taps(axis, last) > axis.first[i] + WINDOW) return false;
    }
    return true;
}

// The weights of output i, rounded so that they make COLUMN_UNIT exactly.
void round_weights(const Axis& axis, int i, std::int16_t* out) {
    double sum = 0;
    int done = 0;
    for (int t = axis.begin[i]; t < axis.begin[i + 1]; ++t) {
        sum += axis.weight[t];
        out[t] = static_cast<std::int16_t>(static_cast<int>(std::nearbyint(sum * COLUMN_UNIT)) - done);
        done += out[t];
    }
}

}  // namespace

void Windows::plan(const Axis& axis) {
    thread_local std::vector<std::int16_t> weights;
    weights.resize(axis.weight.size());
    int most = 0;
    for (int i = 0; i < axis.n_out(); ++i) {
        round_weights(axis, i, weights.data());
        most = std::max(most, n_taps(axis, i));
    }
    n_outputs = fits(axis, 4) ? 4 : fits(axis, 2) ? 2 : 1;
    depth = (most + WINDOW - 1) / WINDOW;
    const int n_neighbors = WINDOW / n_outputs;
    all.clear();
    for (int group = 0; group < axis.n_out(); group += GROUP) {
        for (int part = 0; part < HALF / n_outputs * depth; ++part) {
            Window window;
            const int begin = std::min(group, axis.n_out() - GROUP) + part / depth * n_outputs,
                      skip = part % depth * WINDOW;
            for (int half = 0; half < 2; ++half) {
                const int base = axis.first[begin + half * HALF];
                window.first[half] = base + skip - axis.low();
                for (int k = 0; k < WINDOW; ++k) {
                    const int i = begin + half * HALF + k / n_neighbors, tap = skip + k % n_neighbors;
                    const bool is_used = tap < n_taps(axis, i);
                    const int byte = is_used ? 2 * (axis.first[i] - base + k % n_neighbors) : 0;
                    window.order[half][2 * k] = static_cast<std::uint8_t>(byte);
                    window.order[half][2 * k + 1] = static_cast<std::uint8_t>(byte + 1);
                    window.weight[half][k] = is_used ? weights[axis.begin[i] + tap] : std::int16_t{0};
                }
            }
            all.push_back(window);
        }
    }
}

}  // namespace vision
