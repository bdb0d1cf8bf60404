// How the tracker pairs its tracks with the boxes of a frame: overlap, gates, cost, assignment.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "track/tracker.hpp"

namespace vision::track {

namespace {

constexpr double MAX_LOST_BUFFER = 0.3;
constexpr double MIN_MEAN_IOU = 0.6;  // of predictions with boxes; below, did the camera move?
constexpr double LOST_COST_PER_S = 0.2;
constexpr float NO_OVERLAP_COST = 1;  // 1 - IoU at its worst: what staying alone costs
constexpr float NEVER = std::numeric_limits<float>::infinity();

// Ratio of the widths times ratio of the heights, 0..1.
float similarity(const Box& a, const Box& b) {
    const float wide_a = a.x2 - a.x1, wide_b = b.x2 - b.x1, high_a = a.y2 - a.y1, high_b = b.y2 - b.y1;
    return std::min(wide_a, wide_b) * std::min(high_a, high_b) /
           (std::max(wide_a, wide_b) * std::max(high_a, high_b));
}

// Cube root of a number in (0, 1], off by less than 1e-6 of it: a guess from the exponent (W. Kahan), then
// two of Halley's steps.
float cube_root(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits = bits / 3 + 0x2A514067U;
    float y;
    std::memcpy(&y, &bits, sizeof y);
    for (int step = 0; step < 2; ++step) {
        const float cube = y * y * y;
        y *= (cube + 2 * x) / (2 * cube + x);
    }
    return y;
}

}  // namespace

// The candidates that no track has, for the next pass; the others are none any more.
void Tracker::take_free(std::vector<int>& candidates) {
    std::size_t n = 0;
    for (int i : candidates) {
        if (track_of_[i] < 0) candidates[n++] = i;
    }
    candidates.resize(n);
    cols_ = candidates;
}

// Pairs the tracks in rows_ with the observations in cols_.
void Tracker::match(const Observations& seen, const Pass& pass) {
    find_edges(seen, pass);
    assign(seen);
}

// If few predictions of the tracks in rows_ came true, but one common move would make most of them true, the
// camera made it: moves all tracks, and takes it that the camera goes on like this.
bool Tracker::follow_camera(const Observations& seen) {
    row_best_.assign(rows_.size(), 0);
    for (const Edge& e : edges_) row_best_[e.row] = std::max(row_best_[e.row], NO_OVERLAP_COST - e.cost);
    double overlap = 0;
    std::size_t n_expected = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        if (tracks_[rows_[row]].misses > 0) continue;
        ++n_expected;
        overlap += row_best_[row];
    }
    if (overlap > MIN_MEAN_IOU * static_cast<double>(std::min(n_expected, cols_.size()))) return false;
    row_boxes_.clear();
    col_boxes_.clear();
    for (int row : rows_) {
        if (tracks_[row].misses == 0) row_boxes_.push_back(tracks_[row].box);
    }
    for (int col : cols_) col_boxes_.push_back(seen.boxes[col]);
    const Shift shift = shift_.find(row_boxes_, col_boxes_);
    if (shift.x == 0 && shift.y == 0) return false;
    const double dt_s = seconds_since(previous_time_ns_);
    for (Track& track : tracks_) {
        track.filter.position[0] += static_cast<float>(shift.x);
        track.filter.position[1] += static_cast<float>(shift.y);
        track.filter.velocity[0] += static_cast<float>(shift.x / dt_s);
        track.filter.velocity[1] += static_cast<float>(shift.y / dt_s);
        track.box = track.filter.box();
    }
    return true;
}

void Tracker::find_edges(const Observations& seen, const Pass& pass) {
    edges_.clear();
    if (rows_.empty() || cols_.empty()) return;
    row_boxes_.resize(rows_.size());
    col_boxes_.resize(cols_.size());
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        const Track& track = tracks_[rows_[row]];
        const double lost_buffer =
            track.misses > 0 ? std::min(MAX_LOST_BUFFER, settings_.lost_buffer_per_s * lost_s(track)) : 0;
        row_boxes_[row] = pass.use_last_box ? track.seen.box() : grow(track.box, pass.buffer + lost_buffer);
    }
    for (std::size_t col = 0; col < cols_.size(); ++col) {
        col_boxes_[col] = grow(seen.boxes[cols_[col]], pass.buffer);
    }
    sweep_.run(row_boxes_, col_boxes_, edges_);
    price(seen, pass);
}

void Tracker::assign(const Observations& seen) {
    if (edges_.empty()) return;
    find_margins();
    // Above every edge, so that a label never forbids what the boxes allow.
    const float alone_cost =
        NO_OVERLAP_COST + (groups_.empty() ? 0 : static_cast<float>(settings_.label_cost));
    assignment_.solve(edges_, static_cast<int>(rows_.size()), static_cast<int>(cols_.size()), alone_cost,
                      col_of_row_);
    for (const Edge& e : edges_) {
        if (col_of_row_[e.row] != e.col) continue;
        Track& track = tracks_[rows_[e.row]];
        track.margin = margin(e.row, e.col, e.cost);
        observe(track, seen, cols_[e.col]);
        track_of_[cols_[e.col]] = rows_[e.row];
    }
}

// Gives every edge its cost and drops those outside the gates.
void Tracker::price(const Observations& seen, const Pass& pass) {
    const auto min_iou = static_cast<float>(pass.min_iou);
    const bool is_gated = !pass.use_last_box && settings_.max_chi2 > 0;
    std::size_t kept = 0;
    for (Edge e : edges_) {
        const Track& track = tracks_[rows_[e.row]];
        const int col = cols_[e.col];
        const float together = iou(row_boxes_[e.row], col_boxes_[e.col]);
        if (together < min_iou) continue;
        if (is_gated &&
            !track.filter.is_within(settings_.max_chi2, Measurement(seen.boxes[col]), settings_.noise)) {
            continue;
        }
        const bool is_odd = seen.labels != nullptr && groups_differ(track.label, seen.labels[col]);
        // A vehicle keeps its shape, so a box of another shape has to overlap better; and whoever was seen a
        // moment ago comes before those that have been lost for longer.
        const float overlap = together * cube_root(similarity(row_boxes_[e.row], col_boxes_[e.col]));
        const double lost = track.misses > 0 ? LOST_COST_PER_S * std::min(1.0, lost_s(track)) : 0;
        e.cost = std::min(NO_OVERLAP_COST, NO_OVERLAP_COST - overlap + static_cast<float>(lost)) +
                 (is_odd ? static_cast<float>(settings_.label_cost) : 0);
        edges_[kept++] = e;
    }
    edges_.resize(kept);
}

bool Tracker::groups_differ(std::int64_t a, std::int64_t b) const {
    if (groups_.empty() || a == b) return false;
    const auto group_a = groups_.find(a), group_b = groups_.find(b);
    return group_a != groups_.end() && group_b != groups_.end() && group_a->second != group_b->second;
}

// The two cheapest costs of every row and column, so that margin() needs no search.
void Tracker::find_margins() {
    cheapest_.assign(rows_.size() + cols_.size(), {NEVER, NEVER});
    const auto note = [](float cost, Cheapest& of) {
        of.second = std::min(of.second, std::max(of.best, cost));
        of.best = std::min(of.best, cost);
    };
    for (const Edge& e : edges_) {
        note(e.cost, cheapest_[e.row]);
        note(e.cost, cheapest_[rows_.size() + e.col]);
    }
}

// How much dearer the next best partner of either side would have been, 0..1; 1 when there was none.
float Tracker::margin(int row, int col, float cost) const {
    const auto other_than = [&](const Cheapest& of) { return cost > of.best ? of.best : of.second; };
    const float other = std::min(other_than(cheapest_[row]), other_than(cheapest_[rows_.size() + col]));
    return other == NEVER ? 1 : std::clamp(other - cost, 0.0F, 1.0F);
}

}  // namespace vision::track
