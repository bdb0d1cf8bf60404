// Python face of the tracker: checks arguments, copies results. The GIL stays held: a call takes 0.02 ms for
// 50 boxes, less than handing the GIL over and back costs, and two threads can't enter one tracker.
#include <pybind11/critical_section.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "track/tracker.hpp"

namespace py = pybind11;
using namespace pybind11::literals;

namespace {

using vision::track::Assignment;
using vision::track::Box;
using vision::track::Edge;
using vision::track::Settings;
using vision::track::Track;
using vision::track::Tracker;
using Floats = py::array_t<float, py::array::c_style>;
using Ints = py::array_t<std::int64_t, py::array::c_style>;
using Groups = std::unordered_map<std::int64_t, std::int64_t>;

constexpr float MAX_PX = 16777216;  // 2**24: beyond, float32 no longer knows single pixels
constexpr std::int64_t MAX_TIME_NS = std::int64_t{1} << 62;  // so that differences fit

static_assert(sizeof(Box) == 4 * sizeof(float), "boxes are read in place from the (n, 4) array");

Settings read_settings(const py::dict& given) {
    Settings s{};
    const std::pair<const char*, double*> fields[] = {
        {"frame_rate", &s.frame_rate},
        {"high_score", &s.high_score},
        {"low_score", &s.low_score},
        {"birth_score", &s.birth_score},
        {"sure_score", &s.sure_score},
        {"max_lost_s", &s.max_lost_s},
        {"still_factor", &s.still_factor},
        {"confirm_hits", &s.confirm_hits},
        {"confirm_chances", &s.confirm_chances},
        {"min_iou", &s.min_iou},
        {"min_iou_low", &s.min_iou_low},
        {"min_iou_last", &s.min_iou_last},
        {"max_duplicate_iou", &s.max_duplicate_iou},
        {"buffer", &s.buffer},
        {"lost_buffer_per_s", &s.lost_buffer_per_s},
        {"max_chi2", &s.max_chi2},
        {"label_cost", &s.label_cost},
        {"flow_weight", &s.flow_weight},
        {"flow_memory_s", &s.flow_memory_s},
        {"acceleration", &s.noise.acceleration},
        {"drift", &s.noise.drift},
        {"measurement", &s.noise.measurement},
        {"score_trust", &s.noise.score_trust},
        {"size_share", &s.noise.size_share},
    };
    std::size_t n_set = 0;
    for (const auto& [name, target] : fields) {
        if (!given.contains(name)) throw py::type_error(std::string("Tracker: missing setting ") + name);
        *target = given[name].cast<double>();
        ++n_set;
    }
    if (n_set != given.size()) throw py::type_error("Tracker: unknown setting");
    return s;
}

std::string shape_of(const py::array& array) {
    std::string text = "(";
    for (py::ssize_t i = 0; i < array.ndim(); ++i)
        text += (i > 0 ? ", " : "") + std::to_string(array.shape(i));
    return text + (array.ndim() == 1 ? ",)" : ")");
}

void expect_shape(const char* name, const char* expected, const py::array& array, bool is_right) {
    if (is_right) return;
    throw py::value_error(std::string(name) + ": expected " + expected + ", got " +
                          py::str(array.dtype()).cast<std::string>() + " " + shape_of(array));
}

void expect_boxes(const Box* boxes, std::size_t n) {
    const auto is_pixel = [](float x) { return std::fabs(x) <= MAX_PX; };  // false for NaN
    for (std::size_t i = 0; i < n; ++i) {
        const Box& b = boxes[i];
        const bool is_finite = is_pixel(b.x1) && is_pixel(b.y1) && is_pixel(b.x2) && is_pixel(b.y2);
        if (is_finite && b.x1 < b.x2 && b.y1 < b.y2) continue;
        const auto text = py::str("boxes: expected {}, got ({:g}, {:g}, {:g}, {:g}) in row {}")
                              .format(is_finite ? "x1 < x2 and y1 < y2" : "finite pixels within +-2**24",
                                      b.x1, b.y1, b.x2, b.y2, i);
        throw py::value_error(text.cast<std::string>());
    }
}

void expect_scores(const float* scores, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        if (scores[i] >= 0 && scores[i] <= 1) continue;
        const auto text = py::str("scores: expected 0..1, got {:g} in row {}").format(scores[i], i);
        throw py::value_error(text.cast<std::string>());
    }
}

void expect_time(const Tracker& tracker, std::int64_t time_ns) {
    if (time_ns > MAX_TIME_NS || time_ns < -MAX_TIME_NS) {
        throw py::value_error("time_ns: expected -2**62..2**62, got " + std::to_string(time_ns));
    }
    if (tracker.has_time() && time_ns <= tracker.last_time_ns()) {
        throw py::value_error("time_ns: expected more than " + std::to_string(tracker.last_time_ns()) +
                              " (the last update), got " + std::to_string(time_ns));
    }
}

Ints update(Tracker& tracker, const Floats& boxes, const Floats& scores, const std::optional<Ints>& labels,
            std::int64_t time_ns) {
    expect_shape("boxes", "float32 (n, 4)", boxes, boxes.ndim() == 2 && boxes.shape(1) == 4);
    const py::ssize_t n = boxes.shape(0);
    expect_shape("scores", "float32 (n,) with one score per box", scores,
                 scores.ndim() == 1 && scores.shape(0) == n);
    if (labels) {
        expect_shape("labels", "int64 (n,) with one label per box", *labels,
                     labels->ndim() == 1 && labels->shape(0) == n);
    }
    const auto* box = reinterpret_cast<const Box*>(boxes.data());
    const auto count = static_cast<std::size_t>(n);
    expect_boxes(box, count);
    expect_scores(scores.data(), count);
    expect_time(tracker, time_ns);
    Ints ids(n);
    tracker.update({box, scores.data(), labels ? labels->data() : nullptr, count}, time_ns,
                   ids.mutable_data());
    return ids;
}

// One array per column, rows in order of id.
py::tuple tracks(const Tracker& tracker) {
    std::vector<const Track*> live;
    for (const Track& t : tracker.tracks()) {
        if (t.is_confirmed()) live.push_back(&t);
    }
    std::sort(live.begin(), live.end(), [](const Track* a, const Track* b) { return a->id < b->id; });
    const auto n = static_cast<py::ssize_t>(live.size());
    Ints id(n), first(n), last(n), label(n);
    Floats raw({n, py::ssize_t{4}}), smooth({n, py::ssize_t{4}}), velocity({n, py::ssize_t{2}}), score(n),
        margin(n);
    py::array_t<std::int32_t> hits(n);
    py::array_t<bool> lost(n);
    auto *raw_box = reinterpret_cast<Box*>(raw.mutable_data()),
         *box = reinterpret_cast<Box*>(smooth.mutable_data());
    for (py::ssize_t i = 0; i < n; ++i) {
        const Track& t = *live[static_cast<std::size_t>(i)];
        id.mutable_data()[i] = t.id;
        raw_box[i] = t.seen.box();
        box[i] = t.box;
        for (int axis = 0; axis < 2; ++axis) {
            velocity.mutable_data()[2 * i + axis] = static_cast<float>(t.filter.velocity[axis]);
        }
        hits.mutable_data()[i] = t.hits;
        first.mutable_data()[i] = t.first_time_ns;
        last.mutable_data()[i] = t.last_time_ns;
        score.mutable_data()[i] = t.score;
        label.mutable_data()[i] = t.label;
        lost.mutable_data()[i] = tracker.is_lost(t);
        margin.mutable_data()[i] = t.margin;
    }
    return py::make_tuple(id, raw, smooth, velocity, hits, first, last, score, label, lost, margin);
}

Ints ended(const Tracker& tracker) {
    const auto& ids = tracker.ended();
    return Ints(static_cast<py::ssize_t>(ids.size()), ids.data());
}

void transform(Tracker& tracker, const py::array_t<double, py::array::c_style>& matrix) {
    expect_shape("matrix", "float64 (2, 3)", matrix,
                 matrix.ndim() == 2 && matrix.shape(0) == 2 && matrix.shape(1) == 3);
    for (int i = 0; i < 6; ++i) {
        if (!std::isfinite(matrix.data()[i]))
            throw py::value_error("matrix: expected finite values, got NaN or inf");
    }
    const double* m = matrix.data();
    if (m[0] * m[4] == m[1] * m[3])
        throw py::value_error("matrix: expected an invertible map, got determinant 0");
    tracker.transform(m);
}

// Assignment alone, for tests: costs (n, m), inf = no edge.
Ints assign(const Floats& costs, float alone_cost) {
    expect_shape("costs", "float32 (n, m)", costs, costs.ndim() == 2);
    const int n = static_cast<int>(costs.shape(0)), m = static_cast<int>(costs.shape(1));
    std::vector<Edge> edges;
    for (int row = 0; row < n; ++row) {
        for (int col = 0; col < m; ++col) {
            const float cost = costs.at(row, col);
            if (std::isfinite(cost)) edges.push_back({row, col, cost});
        }
    }
    std::vector<int> chosen;
    Assignment().solve(edges, n, m, alone_cost, chosen);
    Ints out(n);
    std::copy(chosen.begin(), chosen.end(), out.mutable_data());
    return out;
}

}  // namespace

void bind_track(py::module_& m) {
    // Where Python has no GIL, the object's own lock keeps a second thread out; elsewhere it costs nothing.
    using Lock = py::scoped_critical_section;
    py::class_<Tracker>(m, "Tracker")
        .def(py::init([](const py::dict& settings, Groups groups) {
                 return Tracker(read_settings(settings), std::move(groups));
             }),
             "settings"_a, "groups"_a)
        .def(
            "update",
            [](const py::object& self, const Floats& boxes, const Floats& scores,
               const std::optional<Ints>& labels, std::int64_t time_ns) {
                const Lock lock(self);
                return update(self.cast<Tracker&>(), boxes, scores, labels, time_ns);
            },
            "boxes"_a, "scores"_a, "labels"_a, "time_ns"_a)
        .def("tracks",
             [](const py::object& self) {
                 const Lock lock(self);
                 return tracks(self.cast<const Tracker&>());
             })
        .def("ended",
             [](const py::object& self) {
                 const Lock lock(self);
                 return ended(self.cast<const Tracker&>());
             })
        .def("n_guesses",
             [](const py::object& self) {
                 const Lock lock(self);
                 return self.cast<const Tracker&>().n_guesses();
             })
        .def("reset",
             [](const py::object& self) {
                 const Lock lock(self);
                 self.cast<Tracker&>().reset();
             })
        .def(
            "transform",
            [](const py::object& self, const py::array_t<double, py::array::c_style>& matrix) {
                const Lock lock(self);
                transform(self.cast<Tracker&>(), matrix);
            },
            "matrix"_a);
    m.def("assign", &assign, "costs"_a, "alone_cost"_a);
}
