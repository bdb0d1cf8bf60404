#include "track/shift.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>

namespace vision::track {

namespace {

constexpr std::size_t MIN_BOXES = 3;
constexpr std::size_t MAX_BOXES = 24;  // of either kind: the largest ones speak for all
constexpr double TOLERANCE = 0.3;      // scales: farther off supports nothing
constexpr double MIN_SIDES = 0.7;      // least ratio of widths and of heights
constexpr double MAX_SCALES = 4;       // farthest move, scales
constexpr double MIN_SHARE = 0.5;      // of the boxes that must agree,
constexpr double MIN_SUPPORT = 2;      // and how many,
constexpr double MIN_GAIN = 1.5;       // and how many more than when nothing moved

float area(const Box& b) { return (b.x2 - b.x1) * (b.y2 - b.y1); }

void keep_largest(std::vector<Box>& boxes) {
    if (boxes.size() <= MAX_BOXES) return;
    std::partial_sort(boxes.begin(), boxes.begin() + MAX_BOXES, boxes.end(), [](const Box& a, const Box& b) {
        const float area_a = area(a), area_b = area(b);
        return area_a != area_b ? area_a > area_b : std::tie(a.x1, a.y1) < std::tie(b.x1, b.y1);
    });
    boxes.resize(MAX_BOXES);
}

double ratio(double a, double b) { return std::min(a, b) / std::max(a, b); }

}  // namespace

// How many boxes a move explains; each counts 0..1 by its nearest partner.
double ShiftFinder::support(double x, double y) const {
    double sum = 0, best = 0;
    int row = -1;
    for (const Pair& p : pairs_) {
        if (p.row != row) {
            sum += best;
            best = 0;
            row = p.row;
        }
        const double dx = p.x - x, dy = p.y - y, reach = TOLERANCE * p.scale;
        best = std::max(best, 1 - (dx * dx + dy * dy) / (reach * reach));
    }
    return sum + best;
}

Shift ShiftFinder::find(std::vector<Box>& expected, std::vector<Box>& seen) {
    keep_largest(expected);
    keep_largest(seen);
    const std::size_t n = expected.size(), m = seen.size();
    if (std::min(n, m) < MIN_BOXES) return {};
    pairs_.clear();
    for (std::size_t i = 0; i < n; ++i) {
        const Box& a = expected[i];
        const double width = double{a.x2} - a.x1, height = double{a.y2} - a.y1;
        const double scale = std::sqrt(width * height);
        for (std::size_t j = 0; j < m; ++j) {
            const Box& b = seen[j];
            if (ratio(width, double{b.x2} - b.x1) < MIN_SIDES ||
                ratio(height, double{b.y2} - b.y1) < MIN_SIDES)
                continue;
            const double x = (double{b.x1} + b.x2 - a.x1 - a.x2) / 2;
            const double y = (double{b.y1} + b.y2 - a.y1 - a.y2) / 2;
            if (std::max(std::fabs(x), std::fabs(y)) < MAX_SCALES * scale) {
                pairs_.push_back({static_cast<int>(i), x, y, scale});
            }
        }
    }
    Shift best;
    double best_support = 0;
    for (const Pair& p : pairs_) {
        const double found = support(p.x, p.y);
        if (found > best_support) {
            best_support = found;
            best = {p.x, p.y};
        }
    }
    const double needed =
        std::max({MIN_SUPPORT, MIN_SHARE * static_cast<double>(std::min(n, m)), MIN_GAIN * support(0, 0)});
    return best_support >= needed ? best : Shift{};
}

}  // namespace vision::track
