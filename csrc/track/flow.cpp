#include "track/flow.hpp"

#include <algorithm>
#include <cmath>

namespace vision::track {

namespace {

constexpr int SIDE = 64;  // cells per side; the grid wraps around, so that any picture fits
constexpr double CELL_PX = 96;
constexpr double NEIGHBOUR_SHARE = 0.3;   // weight of the eight cells around
constexpr double MIN_WEIGHT = 1;          // observations, below which a place is unknown
constexpr double MIXED_SHARE = 0.3;       // trust where directions differ, e.g. in a junction
constexpr double SPREAD_PER_SCALE = 0.5;  // 1/s: spread that is normal for a box of that scale
constexpr double MIN_VARIANCE_SHARE = 0.04;

int cell_of(double px) { return static_cast<int>(std::floor(std::clamp(px / CELL_PX, -1e6, 1e6))); }

}  // namespace

std::size_t FlowGrid::index(int column, int row) {
    return static_cast<std::size_t>(row & (SIDE - 1)) * SIDE + static_cast<std::size_t>(column & (SIDE - 1));
}

double FlowGrid::decay(const Cell& cell, std::int64_t time_ns) const {
    const std::int64_t age_ns = time_ns - cell.time_ns;
    if (age_ns != last_age_ns_) {
        last_age_ns_ = age_ns;
        last_decay_ = std::exp(-static_cast<double>(age_ns) * 1e-9 / memory_s_);
    }
    return last_decay_;
}

void FlowGrid::add(const BoxFilter& filter, std::int64_t time_ns) {
    if (cells_.empty()) cells_.resize(SIDE * SIDE);
    Cell& cell = cells_[index(cell_of(filter.position[0]), cell_of(filter.position[1]))];
    const auto kept = static_cast<float>(cell.weight > 0 ? decay(cell, time_ns) : 0);
    const auto vx = static_cast<float>(filter.velocity[0]), vy = static_cast<float>(filter.velocity[1]);
    cell = {cell.weight * kept + 1,   cell.x * kept + vx,       cell.y * kept + vy,
            cell.xx * kept + vx * vx, cell.yy * kept + vy * vy, time_ns};
}

void FlowGrid::guide(BoxFilter& filter, std::int64_t time_ns) const {
    if (cells_.empty()) return;
    const int column = cell_of(filter.position[0]), row = cell_of(filter.position[1]);
    double weight = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_yy = 0;
    for (int dr = -1; dr <= 1; ++dr) {
        for (int dc = -1; dc <= 1; ++dc) {
            const Cell& cell = cells_[index(column + dc, row + dr)];
            if (cell.weight <= 0) continue;
            const double share = decay(cell, time_ns) * (dr != 0 || dc != 0 ? NEIGHBOUR_SHARE : 1);
            weight += cell.weight * share;
            sum_x += cell.x * share;
            sum_y += cell.y * share;
            sum_xx += cell.xx * share;
            sum_yy += cell.yy * share;
        }
    }
    if (weight < MIN_WEIGHT) return;
    const double mean_x = sum_x / weight, mean_y = sum_y / weight;
    const double var_x = std::max(0.0, sum_xx / weight - mean_x * mean_x);
    const double var_y = std::max(0.0, sum_yy / weight - mean_y * mean_y);
    double trust = weight / (weight + prior_weight_);
    if (std::sqrt(var_x + var_y) > std::hypot(mean_x, mean_y) + SPREAD_PER_SCALE * filter.scale())
        trust *= MIXED_SHARE;
    const double start_var = filter.velocity_var[0], floor_var = MIN_VARIANCE_SHARE * start_var;
    const auto blend = [&](double var) {
        return (1 - trust) * start_var + trust * std::min(start_var, var + floor_var);
    };
    filter.velocity[0] = trust * mean_x;
    filter.velocity[1] = trust * mean_y;
    filter.velocity_var[0] = blend(var_x);
    filter.velocity_var[1] = blend(var_y);
}

}  // namespace vision::track
