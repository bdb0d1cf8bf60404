// Greedy non-maximum suppression, one box at a time.
#pragma once
#include <cstddef>
#include <vector>

namespace vision {

// Half-open rectangle in pixels; a side that is not positive makes it empty.
struct Rect {
    float x1, y1, x2, y2;
};

// The boxes kept so far, as columns; memory stays between calls.
class Kept {
  public:
    void clear();
    // Keeps the box unless its intersection over union with a kept one exceeds max_iou; says whether it was
    // kept. All variants decide alike. Boxes are finite.
    bool add(const Rect& box, float max_iou);
    std::size_t size() const { return x1_.size(); }

  private:
    std::vector<float> x1_, y1_, x2_, y2_, area_;
};

}  // namespace vision
