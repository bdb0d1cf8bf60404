// The multi-object tracker: boxes of one frame in, track ids out. Knows real time, never frame counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "track/assignment.hpp"
#include "track/border.hpp"
#include "track/box.hpp"
#include "track/flow.hpp"
#include "track/period.hpp"
#include "track/share.hpp"
#include "track/shift.hpp"
#include "track/track.hpp"

namespace vision::track {

// The numbers a user may turn; `vision.track.Tracker` documents them and holds the defaults.
struct Settings {
    double frame_rate = 0;  // frames/s, 0 = learn from the times
    double high_score, low_score, birth_score, sure_score;
    double max_lost_s, still_factor;
    double confirm_hits, confirm_chances;
    double min_iou, min_iou_low, min_iou_last, max_duplicate_iou;
    double buffer, lost_buffer_per_s;
    double max_chi2;
    double label_cost;
    double flow_weight, flow_memory_s;
    Noise noise;
};

// The detections of one frame: n boxes, scores and, unless null, labels.
struct Observations {
    const Box* boxes;
    const float* scores;
    const std::int64_t* labels;
    std::size_t n;
};

class Tracker {
  public:
    Tracker(const Settings& settings, std::unordered_map<std::int64_t, std::int64_t> groups);

    // Writes one id (or NO_ID) per observation to `ids`. The caller guarantees finite boxes with positive
    // sides, scores 0..1 and a time after last_time_ns().
    void update(const Observations& seen, std::int64_t time_ns, std::int64_t* ids);
    // Ends every track; the next update may have any time. Ids go on counting.
    void reset();
    // Maps all tracks into the picture of a camera that has moved since the last update (2x3, row by row).
    void transform(const double matrix[6]);

    bool has_time() const { return has_time_; }
    std::int64_t last_time_ns() const { return time_ns_; }
    const std::vector<Track>& tracks() const { return tracks_; }  // confirmed ones and guesses
    bool is_lost(const Track& track) const { return track.last_time_ns != time_ns_; }
    std::size_t n_guesses() const;  // tracks that wait for their confirmation
    const std::vector<std::int64_t>& ended() const { return ended_; }  // by the last update or reset

  private:
    // One pass of matching: which boxes meet, and from which overlap on.
    struct Pass {
        double buffer = 0;  // both boxes grow by this share of their sides
        double min_iou = 0;
        bool use_last_box = false;  // the last observation stands for the track, ungated
    };

    // The two lowest costs of a row or column.
    struct Cheapest {
        float best, second;
    };

    Settings settings_;
    std::unordered_map<std::int64_t, std::int64_t> groups_;
    std::vector<Track> tracks_;
    std::vector<std::int64_t> ended_;
    FlowGrid flow_;
    FramePeriod period_;
    PictureBorder border_;
    ShiftFinder shift_;
    OverlapSweep sweep_;
    Assignment assignment_;
    std::int64_t next_id_ = 1;
    std::int64_t time_ns_ = 0, previous_time_ns_ = 0;
    bool has_time_ = false;
    FadingShare sure_births_;  // tracks with a very sure first box: got a second one
    FadingShare kept_tracks_;  // tracks with just the boxes it takes for an id: got one more

    std::vector<LeftKey> order_;
    std::vector<int> free_;  // tracks that had no box in this frame when the last pass began
    std::vector<int> rows_, cols_, high_, low_, col_of_row_, track_of_;
    std::vector<Box> row_boxes_, col_boxes_;
    std::vector<Edge> edges_;
    std::vector<float> row_best_;
    std::vector<Cheapest> cheapest_;  // of the rows, then of the columns

    double seconds_since(std::int64_t time_ns) const {
        return static_cast<double>(time_ns_ - time_ns) * 1e-9;
    }
    // How long the track was unseen already when this frame came.
    double lost_s(const Track& track) const {
        return static_cast<double>(previous_time_ns_ - track.last_time_ns) * 1e-9;
    }
    void predict(double dt_s);
    void expire();
    void split_by_score(const Observations& seen);
    template <class Wanted>
    void take_tracks(Wanted wanted);
    void take_free(std::vector<int>& candidates);
    void match(const Observations& seen, const Pass& pass);
    void find_edges(const Observations& seen, const Pass& pass);
    void assign(const Observations& seen);
    bool follow_camera(const Observations& seen);
    void price(const Observations& seen, const Pass& pass);
    void find_margins();
    float margin(int row, int col, float cost) const;
    bool groups_differ(std::int64_t a, std::int64_t b) const;
    void observe(Track& track, const Observations& seen, std::size_t i);
    void give_birth(const Observations& seen);
    void confirm(bool is_first_frame);
};

}  // namespace vision::track
