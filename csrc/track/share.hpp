// How often a guess of the tracker has come true lately.
#pragma once

namespace vision::track {

// Share of right ones among about the last hundred outcomes, on top of ten that are believed beforehand.
class FadingShare {
  public:
    void add(bool is_right) {
        right_ *= KEPT;
        wrong_ *= KEPT;
        (is_right ? right_ : wrong_) += 1;
    }
    double value() const { return (right_ + BELIEVED) / (right_ + BELIEVED + wrong_); }

  private:
    static constexpr double KEPT = 0.99, BELIEVED = 10;
    double right_ = 0, wrong_ = 0;
};

}  // namespace vision::track
