#include "track/tracker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vision::track {

namespace {

constexpr double EPSILON_S = 1e-6;       // a nominal step may arrive this much late
constexpr double RECENT_PERIODS = 1.01;  // a low score only continues a track seen at most one frame earlier
constexpr double MAX_LOST_BUFFER = 0.3;
constexpr int FLOW_HITS = 3;          // velocity is worth learning from here on
constexpr float NO_OVERLAP_COST = 1;  // 1 - IoU at its worst: what staying alone costs
constexpr float NEVER = std::numeric_limits<float>::infinity();

}  // namespace

Tracker::Tracker(const Settings& settings, std::unordered_map<std::int64_t, std::int64_t> groups)
    : settings_(settings),
      groups_(std::move(groups)),
      flow_(settings.flow_weight, settings.flow_memory_s),
      period_(settings.frame_rate) {}

void Tracker::update(const Observations& seen, std::int64_t time_ns, std::int64_t* ids) {
    const bool is_first_frame = !has_time_;
    previous_time_ns_ = is_first_frame ? time_ns : time_ns_;
    time_ns_ = time_ns;
    has_time_ = true;
    ended_.clear();
    track_of_.assign(seen.n, -1);
    if (!is_first_frame) {
        const double dt_s = seconds_since(previous_time_ns_);
        period_.add(dt_s);
        predict(dt_s);
        expire();
    }

    split_by_score(seen);
    const double recent_s = RECENT_PERIODS * period_.seconds();
    const auto all = [](const Track&) { return true; };
    const auto confirmed = [](const Track& t) { return t.is_confirmed(); };
    const auto confirmed_and_recent = [&](const Track& t) {
        return t.is_confirmed() && lost_s(t) <= recent_s;
    };
    // Sure detections first, then what is left of both with grown boxes. Source: ByteTrack, arXiv 2110.06864,
    // and C-BIoU, arXiv 2211.14317; a buffer in the first pass costs accuracy (KITTI cars).
    take_tracks(all);
    take_free(high_);
    match(seen, {0, settings_.min_iou});
    if (settings_.buffer > 0) {
        take_tracks(all);
        take_free(high_);
        match(seen, {settings_.buffer, settings_.min_iou});
    }
    take_tracks(confirmed_and_recent);
    take_free(low_);
    match(seen, {0, settings_.min_iou_low});
    // A vehicle that stopped unseen is where it was last seen. Source: OC-SORT, arXiv 2203.14360.
    take_tracks(confirmed);
    take_free(high_);
    match(seen, {0, settings_.min_iou_last, true});
    for (Track& track : tracks_) {
        if (!track.is_matched && track.misses++ == 0) track.missed_since_ns = time_ns;
    }
    give_birth(seen);
    confirm(is_first_frame);

    for (std::size_t i = 0; i < seen.n; ++i) ids[i] = track_of_[i] < 0 ? NO_ID : tracks_[track_of_[i]].id;
}

void Tracker::reset() {
    ended_.clear();
    for (const Track& track : tracks_) {
        if (track.is_confirmed()) ended_.push_back(track.id);
    }
    tracks_.clear();
    flow_.clear();
    period_ = FramePeriod(settings_.frame_rate);
    has_time_ = false;
}

void Tracker::transform(const double matrix[6]) {
    for (Track& track : tracks_) track.transform(matrix);
    flow_.clear();  // it describes a camera that stands still
}

std::size_t Tracker::n_guesses() const {
    return static_cast<std::size_t>(
        std::count_if(tracks_.begin(), tracks_.end(), [](const Track& t) { return !t.is_confirmed(); }));
}

void Tracker::predict(double dt_s) {
    for (Track& track : tracks_) {
        if (lost_s(track) > 0) track.filter.freeze_size();
        track.filter.predict(dt_s, settings_.noise);
        track.box = track.filter.box();
        track.is_matched = false;
    }
}

// What counts is how long a track was looked for in vain, not how long nobody looked: a long step between two
// frames ends nothing.
void Tracker::expire() {
    const auto is_over = [&](const Track& track) {
        if (track.misses == 0) return false;
        if (!track.is_confirmed()) return track.misses >= settings_.confirm_chances;
        return seconds_since(track.missed_since_ns) > settings_.max_lost_s + EPSILON_S;
    };
    for (const Track& track : tracks_) {
        if (track.is_confirmed() && is_over(track)) ended_.push_back(track.id);
    }
    tracks_.erase(std::remove_if(tracks_.begin(), tracks_.end(), is_over), tracks_.end());
}

void Tracker::split_by_score(const Observations& seen) {
    high_.clear();
    low_.clear();
    for (std::size_t i = 0; i < seen.n; ++i) {
        if (seen.scores[i] >= settings_.high_score) {
            high_.push_back(static_cast<int>(i));
        } else if (seen.scores[i] >= settings_.low_score) {
            low_.push_back(static_cast<int>(i));
        }
    }
}

template <class Wanted>
void Tracker::take_tracks(Wanted wanted) {
    rows_.clear();
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        if (!tracks_[i].is_matched && wanted(tracks_[i])) rows_.push_back(static_cast<int>(i));
    }
}

void Tracker::take_free(const std::vector<int>& candidates) {
    cols_.clear();
    for (int i : candidates) {
        if (track_of_[i] < 0) cols_.push_back(i);
    }
}

// Pairs the tracks in rows_ with the observations in cols_.
void Tracker::match(const Observations& seen, const Pass& pass) {
    if (rows_.empty() || cols_.empty()) return;
    row_boxes_.clear();
    col_boxes_.clear();
    for (int row : rows_) {
        const Track& track = tracks_[row];
        const double lost_buffer = std::min(MAX_LOST_BUFFER, settings_.lost_buffer_per_s * lost_s(track));
        row_boxes_.push_back(pass.use_last_box ? track.seen.box()
                                               : grow(track.box, pass.buffer + lost_buffer));
    }
    for (int col : cols_) col_boxes_.push_back(grow(seen.boxes[col], pass.buffer));
    sweep_.run(row_boxes_, col_boxes_, edges_);
    price(seen, pass);
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
    std::size_t kept = 0;
    for (Edge e : edges_) {
        const Track& track = tracks_[rows_[e.row]];
        const int col = cols_[e.col];
        const double cost = 1 - iou(row_boxes_[e.row], col_boxes_[e.col]);
        if (cost > 1 - pass.min_iou) continue;
        if (!pass.use_last_box && settings_.max_chi2 > 0 &&
            track.filter.chi2(Measurement(seen.boxes[col]), settings_.noise) > settings_.max_chi2) {
            continue;
        }
        const bool is_odd = seen.labels != nullptr && groups_differ(track.label, seen.labels[col]);
        e.cost = static_cast<float>(cost + (is_odd ? settings_.label_cost : 0));
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
    row_best_.assign(rows_.size(), NEVER);
    row_second_.assign(rows_.size(), NEVER);
    col_best_.assign(cols_.size(), NEVER);
    col_second_.assign(cols_.size(), NEVER);
    const auto note = [](float cost, float& best, float& second) {
        if (cost < best) {
            second = best;
            best = cost;
        } else if (cost < second) {
            second = cost;
        }
    };
    for (const Edge& e : edges_) {
        note(e.cost, row_best_[e.row], row_second_[e.row]);
        note(e.cost, col_best_[e.col], col_second_[e.col]);
    }
}

// How much dearer the next best partner of either side would have been, 0..1; 1 when there was none.
float Tracker::margin(int row, int col, float cost) const {
    const float row_other = cost > row_best_[row] ? row_best_[row] : row_second_[row];
    const float col_other = cost > col_best_[col] ? col_best_[col] : col_second_[col];
    const float other = std::min(row_other, col_other);
    return other == NEVER ? 1 : std::clamp(other - cost, 0.0F, 1.0F);
}

void Tracker::observe(Track& track, const Observations& seen, std::size_t i) {
    track.observe(Measurement(seen.boxes[i]), seen.scores[i], time_ns_, period_.seconds(), settings_.noise);
    if (seen.labels != nullptr) track.vote(seen.labels[i], seen.scores[i]);
}

// A sure detection that no track wanted starts one, unless it all but covers a vehicle that is followed
// already.
void Tracker::give_birth(const Observations& seen) {
    const std::size_t n_old = tracks_.size();
    take_free(high_);
    for (int i : cols_) {
        if (seen.scores[i] < settings_.birth_score) continue;
        const Box& box = seen.boxes[i];
        const bool is_duplicate = std::any_of(tracks_.begin(), tracks_.begin() + n_old, [&](const Track& t) {
            return t.is_matched && t.is_confirmed() && iou(t.box, box) > settings_.max_duplicate_iou;
        });
        if (is_duplicate) continue;
        Track track;
        track.start(Measurement(box), seen.scores[i], time_ns_, settings_.noise);
        if (settings_.flow_weight > 0) flow_.guide(track.filter, time_ns_);
        track.filter_when_seen = track.filter;
        if (seen.labels != nullptr) track.vote(seen.labels[i], seen.scores[i]);
        track_of_[i] = static_cast<int>(tracks_.size());
        tracks_.push_back(std::move(track));
    }
}

// What is there when the tracker starts needs no proof: the scene was not empty before.
void Tracker::confirm(bool is_first_frame) {
    for (Track& track : tracks_) {
        if (!track.is_matched) continue;
        if (settings_.flow_weight > 0 && track.hits >= FLOW_HITS) flow_.add(track.filter, time_ns_);
        if (!track.is_confirmed() && (is_first_frame || track.hits >= settings_.confirm_hits))
            track.id = next_id_++;
    }
}

}  // namespace vision::track
