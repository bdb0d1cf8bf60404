// One vehicle being followed.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "track/box.hpp"
#include "track/filter.hpp"

namespace vision::track {

constexpr std::int64_t NO_ID = -1;
constexpr std::int64_t NO_LABEL = -1;

// A track gets its id when it is confirmed; until then it is a guess.
struct Track {
    std::int64_t id = NO_ID;
    BoxFilter filter;
    BoxFilter filter_when_seen;  // the state right after the last observation
    Box box{};                   // smoothed; predicted while lost
    Measurement seen{Box{}};     // last observation,
    Measurement whole{Box{}};    // and what the whole vehicle would measure
    std::int64_t first_time_ns = 0, last_time_ns = 0;
    int hits = 0;
    bool was_sure = false;  // its first score alone was worth an id
    float score = 0;
    float margin = 1;
    std::int64_t label = NO_LABEL;
    std::vector<std::pair<std::int64_t, float>> votes;  // summed score per label
    bool is_matched = false;                            // in this frame
    int misses = 0;                                     // frames since the last observation,
    std::int64_t missed_since_ns = 0;                   // and the time of their first

    bool is_confirmed() const { return id != NO_ID; }
    bool is_still() const;  // when last seen, for sure
    // Starts at its first observation.
    void start(const Measurement& first, float first_score, std::int64_t time_ns, const Noise& noise);
    // Takes in a further observation: the box seen, and what the whole vehicle would measure; period_s is the
    // usual time between frames.
    void observe(const Measurement& now, const Measurement& whole, float now_score, std::int64_t time_ns,
                 double period_s, const Noise& noise);
    void vote(std::int64_t voted, float weight);
    void transform(const double matrix[6]);

  private:
    void bridge(const Measurement& now_whole, double now_score, double gap_s, double period_s,
                const Noise& noise);
};

}  // namespace vision::track
