// Where the picture ends, learned from the boxes that end there.
#pragma once

#include <array>

#include "track/box.hpp"
#include "track/filter.hpp"

namespace vision::track {

// Detectors cut boxes off at the border of the picture, so many boxes end at the same outermost coordinate. A
// vehicle that drives out keeps its size, but its box does not: without knowing the border the filter would
// see it brake and shrink.
class PictureBorder {
  public:
    void learn(const Box* boxes, std::size_t n);
    // The part of a predicted box that lies in the picture; boxes that lie outside are left as they are.
    Box clip(const Box& box) const;
    // What the whole vehicle would measure: along an axis where one end of the box is cut off, at least what
    // it measured before, reckoned from the other end. (Not what a filter expects: nothing would ever correct
    // that.)
    Measurement complete(const Box& box, const Measurement& before) const;

  private:
    std::array<float, 4> side_{};  // left, top, right, bottom; outermost so far
    std::array<int, 4> n_{};       // boxes that ended there
    bool has_side_ = false;

    bool is_known(int side) const;
    bool ends_at(const Box& box, int side) const;
    bool is_cut(const Box& box, int side) const;
};

}  // namespace vision::track
