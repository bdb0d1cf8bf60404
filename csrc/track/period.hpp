// The usual time between two frames, given or learned.
#pragma once

#include <array>
#include <cstddef>

namespace vision::track {

// Median of the last steps: drop bursts and stalls do not move it, a new frame rate does within a second or
// two.
class FramePeriod {
  public:
    // frame_rate in frames/s; 0 = learn.
    explicit FramePeriod(double frame_rate) : fixed_s_(frame_rate > 0 ? 1 / frame_rate : 0) {}

    void add(double dt_s);
    double seconds() const { return fixed_s_ > 0 ? fixed_s_ : median_s_; }

  private:
    static constexpr std::size_t MEMORY = 31;  // odd, so that the median is an observed step

    double fixed_s_, median_s_ = 0;
    std::array<double, MEMORY> steps_{};
    std::size_t n_ = 0;  // steps seen so far
};

}  // namespace vision::track
