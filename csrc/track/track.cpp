#include "track/track.hpp"

#include <algorithm>
#include <cmath>

namespace vision::track {

namespace {
constexpr double GAP_PERIODS = 1.9;  // from here on a gap is bridged by a straight path
constexpr int MAX_BRIDGE_STEPS = 30;
}  // namespace

void Track::start(const Measurement& first, float first_score, std::int64_t time_ns, const Noise& noise) {
    filter.start(first, noise);
    filter_when_seen = filter;
    box = first.box();
    seen = first;
    first_time_ns = last_time_ns = time_ns;
    hits = 1;
    score = first_score;
    is_matched = true;
}

void Track::observe(const Measurement& now, float now_score, std::int64_t time_ns, double period_s,
                    const Noise& noise) {
    const double gap_s = static_cast<double>(time_ns - last_time_ns) * 1e-9;
    if (hits >= 2 && gap_s > GAP_PERIODS * period_s) {
        bridge(now, now_score, gap_s, period_s, noise);
    } else {
        filter.update(now, now_score, noise);
    }
    filter_when_seen = filter;
    box = filter.box();
    seen = now;
    last_time_ns = time_ns;
    hits += 1;
    score = now_score;
    is_matched = true;
    misses = 0;
}

// After a gap the filter is run again along the straight path from the last observation to this one, as if it
// had been seen all the way: what it guessed meanwhile is forgotten. Source: OC-SORT, arXiv 2203.14360.
void Track::bridge(const Measurement& now, double now_score, double gap_s, double period_s,
                   const Noise& noise) {
    const int steps =
        static_cast<int>(std::clamp(std::round(gap_s / period_s), 2.0, double{MAX_BRIDGE_STEPS}));
    filter = filter_when_seen;
    Measurement on_path = seen;
    for (int step = 1; step <= steps; ++step) {
        filter.predict(gap_s / steps, noise);
        for (int i = 0; i < 4; ++i) {
            on_path.axis[i] = seen.axis[i] + (now.axis[i] - seen.axis[i]) * step / steps;
        }
        filter.update(on_path, now_score, noise);
    }
}

void Track::vote(std::int64_t voted, float weight) {
    if (voted == NO_LABEL) return;
    auto it = std::find_if(votes.begin(), votes.end(), [&](const auto& v) { return v.first == voted; });
    if (it == votes.end()) it = votes.insert(votes.end(), {voted, 0.0F});
    it->second += weight;
    const auto best = std::max_element(votes.begin(), votes.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    label = best->first;
}

void Track::transform(const double matrix[6]) {
    filter.transform(matrix);
    filter_when_seen.transform(matrix);
    seen = track::transform(seen, matrix);
    box = filter.box();
}

}  // namespace vision::track
