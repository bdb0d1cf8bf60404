// A move that all boxes made together: the camera panned, was pushed, or frames are missing while it drives.
#pragma once

#include <vector>

#include "track/box.hpp"

namespace vision::track {

struct Shift {
    double x = 0, y = 0;  // pixels
};

// The one translation that brings most of `expected` onto boxes of their own size in `seen`, where staying
// put brings far fewer; zero where there is none, or fewer than three boxes to tell it from.
class ShiftFinder {
  public:
    // Both are used up: only their largest boxes are looked at.
    Shift find(std::vector<Box>& expected, std::vector<Box>& seen);

  private:
    struct Pair {
        int row;             // of `expected`
        double x, y, scale;  // the move that would explain it, and the size of the box, pixels
    };
    std::vector<Pair> pairs_;  // by row

    double support(double x, double y) const;
};

}  // namespace vision::track
