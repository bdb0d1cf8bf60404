#include "track/tracker.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace vision::track {

namespace {

constexpr double EPSILON_S = 1e-6;       // a nominal step may arrive this much late
constexpr double RECENT_PERIODS = 1.01;  // a low score only continues a track seen at most one frame earlier
constexpr double NEWBORN_BUFFER = 1.5;   // where a vehicle of unknown speed may be a frame later
constexpr double NEWBORN_MIN_IOU = 0.2;
constexpr double MIN_SURE_SHARE = 0.9;  // of tracks with a very sure first box, got a second one
constexpr double MIN_KEPT_SHARE = 0.8;  // of tracks with as many boxes as it takes, got another
constexpr int FLOW_HITS = 3;            // velocity is worth learning from here on

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
    border_.learn(seen.boxes, seen.n);
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
    free_.resize(tracks_.size());
    std::iota(free_.begin(), free_.end(), 0);
    take_tracks(all);
    take_free(high_);
    find_edges(seen, {0, settings_.min_iou});
    if (follow_camera(seen)) find_edges(seen, {0, settings_.min_iou});
    assign(seen);
    if (settings_.buffer > 0) {
        take_tracks(all);
        take_free(high_);
        match(seen, {settings_.buffer, settings_.min_iou});
    }
    // A vehicle seen once may have any speed; by now few boxes are left that it could be.
    take_tracks([](const Track& t) { return t.hits == 1 && t.misses == 0; });
    take_free(high_);
    match(seen, {NEWBORN_BUFFER, NEWBORN_MIN_IOU});
    take_tracks(confirmed_and_recent);
    take_free(low_);
    match(seen, {0, settings_.min_iou_low});
    // A vehicle that stopped unseen is where it was last seen. Source: OC-SORT, arXiv 2203.14360.
    take_tracks(confirmed);
    take_free(high_);
    match(seen, {0, settings_.min_iou_last, true});
    for (int i : free_) {
        Track& track = tracks_[i];
        if (track.is_matched || track.misses++ > 0) continue;
        track.missed_since_ns = time_ns;
        if (track.was_sure && track.hits == 1) sure_births_.add(false);
        if (track.hits == settings_.confirm_hits) kept_tracks_.add(false);
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
    border_ = PictureBorder();
    sure_births_ = kept_tracks_ = FadingShare();
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
        if (track.misses > 0) track.filter.freeze_size();
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
        const double limit_s = settings_.max_lost_s * (track.is_still() ? settings_.still_factor : 1);
        return seconds_since(track.missed_since_ns) > limit_s + EPSILON_S;
    };
    const auto ends = [&](const Track& track) {
        const bool is_end = is_over(track);
        if (is_end && track.is_confirmed()) ended_.push_back(track.id);
        return is_end;
    };
    tracks_.erase(std::remove_if(tracks_.begin(), tracks_.end(), ends), tracks_.end());
}

// In an order that hangs on the boxes alone, so that the order they come in decides nothing.
void Tracker::split_by_score(const Observations& seen) {
    sort_by_left(seen.boxes, seen.n, order_);
    const auto is_above = [&](LeftKey a, LeftKey b) {
        const Box &p = seen.boxes[a.index()], &q = seen.boxes[b.index()];
        return std::tie(p.y1, p.x2, p.y2, seen.scores[a.index()]) <
               std::tie(q.y1, q.x2, q.y2, seen.scores[b.index()]);
    };
    for (auto begin = order_.begin(); begin != order_.end();) {
        const float left = seen.boxes[begin->index()].x1;
        auto end = begin + 1;
        while (end != order_.end() && seen.boxes[end->index()].x1 == left) ++end;
        if (end - begin > 1) std::sort(begin, end, is_above);
        begin = end;
    }
    high_.clear();
    low_.clear();
    for (const LeftKey key : order_) {
        const int i = key.index();
        if (seen.scores[i] >= settings_.high_score) {
            high_.push_back(i);
        } else if (seen.scores[i] >= settings_.low_score) {
            low_.push_back(i);
        }
    }
}

// The free tracks for the next pass; those that the pass before matched are free no more.
template <class Wanted>
void Tracker::take_tracks(Wanted wanted) {
    rows_.resize(free_.size());
    std::size_t n_free = 0, n = 0;
    for (int i : free_) {
        if (tracks_[i].is_matched) continue;
        free_[n_free++] = i;
        if (wanted(tracks_[i])) rows_[n++] = i;
    }
    free_.resize(n_free);
    rows_.resize(n);
}

void Tracker::observe(Track& track, const Observations& seen, std::size_t i) {
    const Box& box = seen.boxes[i];
    const Measurement now(box), whole = track.hits >= 2 ? border_.complete(box, track.whole) : now;
    const bool had_no_miss = track.misses == 0;
    track.observe(now, whole, seen.scores[i], time_ns_, period_.seconds(), settings_.noise);
    track.box = border_.clip(track.box);
    if (track.was_sure && track.hits == 2) sure_births_.add(true);
    if (track.hits == settings_.confirm_hits + 1 && had_no_miss) kept_tracks_.add(true);
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
        track.was_sure = track.score > settings_.sure_score;
        if (seen.labels != nullptr) track.vote(seen.labels[i], seen.scores[i]);
        track_of_[i] = static_cast<int>(tracks_.size());
        tracks_.push_back(std::move(track));
    }
}

// What is there when the tracker starts needs no proof: the scene was not empty before. Nor does a very high
// score, as long as this detector's very high scores are nearly always followed by a second box. A detector
// many of whose tracks die right after getting their id has to show one box more.
void Tracker::confirm(bool is_first_frame) {
    const bool is_doubtful = settings_.confirm_hits > 1 && kept_tracks_.value() < MIN_KEPT_SHARE;
    const double needed_hits = settings_.confirm_hits + (is_doubtful ? 1 : 0);
    const double needed_score = sure_births_.value() < MIN_SURE_SHARE ? 1 : settings_.sure_score;
    for (Track& track : tracks_) {
        if (!track.is_matched) continue;
        if (settings_.flow_weight > 0 && track.hits >= FLOW_HITS) flow_.add(track.filter, time_ns_);
        if (track.is_confirmed()) continue;
        if (is_first_frame || track.hits >= needed_hits || track.score > needed_score) track.id = next_id_++;
    }
}

}  // namespace vision::track
