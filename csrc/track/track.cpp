#include "track/track.hpp"

#include <algorithm>
#include <cmath>

namespace vision::track {

namespace {
constexpr double GAP_PERIODS = 1.9;  // from here on a gap is bridged by a straight path
constexpr int MAX_BRIDGE_STEPS = 30;
constexpr double STILL_SPEED = 0.3;  // scales per s
constexpr int STILL_HITS = 3;        // fewer boxes tell nothing about the speed
}  // namespace

void Track::start(const Measurement& first, float first_score, std::int64_t time_ns, const Noise& noise) {
    filter.start(first, noise);
    filter_when_seen = filter;
    box = first.box();
    seen = whole = first;
    first_time_ns = last_time_ns = time_ns;
    hits = 1;
    score = first_score;
    is_matched = true;
}

void Track::observe(const Measurement& now, const Measurement& now_whole, float now_score,
                    std::int64_t time_ns, double period_s, const Noise& noise) {
    const double gap_s = static_cast<double>(time_ns - last_time_ns) * 1e-9;
    if (hits >= 2 && gap_s > GAP_PERIODS * period_s) {
        bridge(now_whole, now_score, gap_s, period_s, noise);
    } else {
        filter.update(now_whole, now_score, noise);
    }
    filter_when_seen = filter;
    box = filter.box();
    seen = now;
    whole = now_whole;
    last_time_ns = time_ns;
    hits += 1;
    score = now_score;
    is_matched = true;
    misses = 0;
}

// After a gap the filter is run again along the straight path from the last observation to this one, as if it
// had been seen all the way: what it guessed meanwhile is forgotten. Source: OC-SORT, arXiv 2203.14360.
void Track::bridge(const Measurement& now_whole, double now_score, double gap_s, double period_s,
                   const Noise& noise) {
    const int steps =
        static_cast<int>(std::clamp(std::round(gap_s / period_s), 2.0, double{MAX_BRIDGE_STEPS}));
    filter = filter_when_seen;
    Measurement on_path = whole;
    for (int step = 1; step <= steps; ++step) {
        filter.predict(gap_s / steps, noise);
        for (int i = 0; i < 4; ++i) {
            const auto share = static_cast<float>(step) / static_cast<float>(steps);
            on_path.axis[i] = whole.axis[i] + (now_whole.axis[i] - whole.axis[i]) * share;
        }
        filter.update(on_path, now_score, noise);
    }
}

bool Track::is_still() const {
    const float* v = filter_when_seen.velocity;
    return hits >= STILL_HITS && std::hypot(v[0], v[1]) < STILL_SPEED * seen.scale();
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
    whole = track::transform(whole, matrix);
    box = filter.box();
}

}  // namespace vision::track
