#include "track/border.hpp"

#include <algorithm>
#include <cstddef>

namespace vision::track {

namespace {

constexpr float NEAR_PX = 2;   // a box that ends so near ends there
constexpr int MIN_BOXES = 10;  // that ended there before it is called a border

std::array<float, 4> sides_of(const Box& b) { return {b.x1, b.y1, b.x2, b.y2}; }

}  // namespace

bool PictureBorder::is_known(int side) const { return n_[side] >= MIN_BOXES; }

bool PictureBorder::ends_at(const Box& box, int side) const {
    const float at = sides_of(box)[side];
    return side < 2 ? at <= side_[side] + NEAR_PX : at >= side_[side] - NEAR_PX;
}

bool PictureBorder::is_cut(const Box& box, int side) const { return is_known(side) && ends_at(box, side); }

void PictureBorder::learn(const Box* boxes, std::size_t n) {
    if (n == 0) return;
    std::array<float, 4> least = sides_of(boxes[0]), most = least;
    for (std::size_t i = 1; i < n; ++i) {
        const std::array<float, 4> sides = sides_of(boxes[i]);
        for (int side = 0; side < 4; ++side) {  // all four, so that they are one vector
            least[side] = std::min(least[side], sides[side]);
            most[side] = std::max(most[side], sides[side]);
        }
    }
    const std::array<float, 4> at = {least[0], least[1], most[2], most[3]};
    for (int side = 0; side < 4; ++side) {
        const float beyond = side < 2 ? side_[side] - at[side] : at[side] - side_[side];
        if (!has_side_ || beyond > NEAR_PX) n_[side] = 0;
        if (!has_side_ || beyond > 0) side_[side] = at[side];
    }
    has_side_ = true;
    for (int side = 0; side < 4; ++side) {
        if (is_known(side)) continue;
        n_[side] +=
            static_cast<int>(std::count_if(boxes, boxes + n, [&](const Box& b) { return ends_at(b, side); }));
    }
}

Box PictureBorder::clip(const Box& box) const {
    Box out = box;
    if (is_known(0) && box.x2 > side_[0] + NEAR_PX) out.x1 = std::max(box.x1, side_[0]);
    if (is_known(1) && box.y2 > side_[1] + NEAR_PX) out.y1 = std::max(box.y1, side_[1]);
    if (is_known(2) && box.x1 < side_[2] - NEAR_PX) out.x2 = std::min(box.x2, side_[2]);
    if (is_known(3) && box.y1 < side_[3] - NEAR_PX) out.y2 = std::min(box.y2, side_[3]);
    return out;
}

Measurement PictureBorder::complete(const Box& box, const Measurement& before) const {
    Measurement out(box);
    const std::array<float, 4> at = sides_of(box);
    for (int axis = 0; axis < 2; ++axis) {
        const bool is_low_cut = is_cut(box, axis), is_high_cut = is_cut(box, axis + 2);
        const double size = before.axis[2 + axis];
        if (is_low_cut == is_high_cut || size <= out.axis[2 + axis]) continue;
        out.axis[2 + axis] = size;
        out.axis[axis] = is_low_cut ? at[axis + 2] - size / 2 : at[axis] + size / 2;
    }
    return out;
}

}  // namespace vision::track
