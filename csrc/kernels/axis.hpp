// How one axis of a picture is resampled: which source samples, with which weights, make each output sample.
#pragma once
#include <vector>

namespace vision {

// Output i takes samples first[i], first[i] + 1, ... with weights weight[begin[i]] .. weight[begin[i + 1] -
// 1].
class Axis {
  public:
    std::vector<int> first, begin;
    std::vector<float> weight;

    int n_out() const { return static_cast<int>(first.size()); }
    int low() const { return first.front(); }  // first sample used
    int high() const {
        return first.back() + begin[first.size()] - begin[first.size() - 1];
    }  // one past the last

    // Cuts [from, to) of n_source samples (sample i covers [i, i + 1)) into n_out equal pieces. Pieces of at
    // least one sample: the mean over the piece, samples counting by how much of them it covers. Smaller:
    // linear between sample centers at the piece's center, the source's edge samples reaching outward. Memory
    // is kept between calls. False: this is what the axis does already.
    bool plan(double from, double to, int n_source, int n_out);

  private:
    double from_ = 0, to_ = 0;
    int n_source_ = 0;
};

}  // namespace vision
