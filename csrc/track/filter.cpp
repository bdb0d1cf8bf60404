#include "track/filter.hpp"

#include <algorithm>
#include <cmath>

namespace vision::track {

namespace {

constexpr double MIN_SIDE_PX = 2;            // a predicted side never shrinks below this
constexpr double MIN_VARIANCE_SHARE = 0.15;  // of the measurement variance, at the highest score
constexpr double START_VARIANCE = 4;         // the first box is this much less sure than a later one
constexpr double START_SPEED = 1.0;          // scales per s, plus START_SPEED_PER_ACCELERATION * acceleration
constexpr double START_SPEED_PER_ACCELERATION = 1.6;
constexpr double START_SIZE_SPEED = 0.3;  // scales per s
constexpr double MAX_RECEDING = -1;       // expansion within one step
constexpr double MAX_LOOMING = 0.6;

double square(double x) { return x * x; }

double scale_of(double width, double height) {
    return std::sqrt(std::max(1.0, width) * std::max(1.0, height));
}

}  // namespace

void AxisFilter::start(double measured, double measured_var, double speed_var) {
    *this = {measured, 0, measured_var, 0, speed_var};
}

void AxisFilter::predict(double dt_s, double drift_var, double acceleration_var) {
    position += velocity * dt_s;
    position_var += 2 * cross_var * dt_s + velocity_var * dt_s * dt_s + drift_var * dt_s +
                    acceleration_var * dt_s * dt_s * dt_s / 3;
    cross_var += velocity_var * dt_s + acceleration_var * dt_s * dt_s / 2;
    velocity_var += acceleration_var * dt_s;
}

void AxisFilter::scale_velocity(double k) {
    velocity *= k;
    cross_var *= k;
    velocity_var *= k * k;
}

void AxisFilter::update(double measured, double measured_var) {
    const double total = position_var + measured_var;
    const double position_gain = position_var / total, velocity_gain = cross_var / total;
    const double surprise = measured - position;
    position += position_gain * surprise;
    velocity += velocity_gain * surprise;
    velocity_var -= velocity_gain * cross_var;
    cross_var -= position_gain * cross_var;
    position_var -= position_gain * position_var;
}

Measurement::Measurement(const Box& b)
    : axis{(double{b.x1} + b.x2) / 2, (double{b.y1} + b.y2) / 2, double{b.x2} - b.x1, double{b.y2} - b.y1} {}

Box Measurement::box() const {
    return {static_cast<float>(axis[0] - axis[2] / 2), static_cast<float>(axis[1] - axis[3] / 2),
            static_cast<float>(axis[0] + axis[2] / 2), static_cast<float>(axis[1] + axis[3] / 2)};
}

double Measurement::scale() const { return scale_of(axis[2], axis[3]); }

Measurement transform(const Measurement& seen, const double m[6]) {
    Measurement out = seen;
    out.axis[0] = m[0] * seen.axis[0] + m[1] * seen.axis[1] + m[2];
    out.axis[1] = m[3] * seen.axis[0] + m[4] * seen.axis[1] + m[5];
    out.axis[2] = std::hypot(m[0], m[3]) * seen.axis[2];
    out.axis[3] = std::hypot(m[1], m[4]) * seen.axis[3];
    return out;
}

void BoxFilter::start(const Measurement& seen, const Noise& noise) {
    const double scale = seen.scale();
    const double var = START_VARIANCE * square(noise.measurement * scale);
    const double speed = START_SPEED_PER_ACCELERATION * noise.acceleration + START_SPEED;
    for (int i = 0; i < 4; ++i) {
        axis[i].start(seen.axis[i], var, square((i < 2 ? speed : START_SIZE_SPEED) * scale));
    }
}

// At distance Z with constant speed everything in the picture is in proportion to 1/Z. With the expansion
// e = -Z'/Z = (size velocity) / size, 1/Z grows by k = 1 / (1 - e dt) within dt: the mean velocity on the way
// is k times, the velocity at its end k^2 times the one at its start. Where width and height differ, the
// smaller expansion counts, and none where one grows and the other shrinks (the vehicle turns, or is half
// hidden).
void BoxFilter::predict(double dt_s, const Noise& noise) {
    const double drift_var = square(noise.drift * scale());
    const double acceleration_var = square(noise.acceleration * scale());
    const double wider = axis[2].velocity / axis[2].position, taller = axis[3].velocity / axis[3].position;
    const double both = (wider > 0) != (taller > 0)            ? 0
                        : std::fabs(wider) < std::fabs(taller) ? wider
                                                               : taller;
    const double k = 1 / (1 - std::clamp(both * dt_s, MAX_RECEDING, MAX_LOOMING));
    for (int i = 0; i < 4; ++i) {
        const double share = i < 2 ? 1 : noise.size_share;
        axis[i].scale_velocity(k);
        axis[i].predict(dt_s, share * drift_var, share * acceleration_var);
        axis[i].scale_velocity(k);
    }
    for (int i = 2; i < 4; ++i) axis[i].position = std::max(axis[i].position, MIN_SIDE_PX);
}

void BoxFilter::update(const Measurement& seen, double score, const Noise& noise) {
    // A surer detection is a sharper one. Source: NSA Kalman filter, GIAOTracker, arXiv 2202.11983.
    const double share = std::max(MIN_VARIANCE_SHARE, 1 - noise.score_trust * score);
    const double var = square(noise.measurement * seen.scale()) * share;
    for (int i = 0; i < 4; ++i) axis[i].update(seen.axis[i], var);
}

void BoxFilter::freeze_size() { axis[2].velocity = axis[3].velocity = 0; }

Box BoxFilter::box() const {
    Measurement m{Box{}};
    for (int i = 0; i < 4; ++i) m.axis[i] = axis[i].position;
    return m.box();
}

double BoxFilter::scale() const { return scale_of(axis[2].position, axis[3].position); }

double BoxFilter::chi2(const Measurement& seen, const Noise& noise) const {
    const double var = square(noise.measurement * seen.scale());
    double sum = 0;
    for (int i = 0; i < 2; ++i) sum += square(seen.axis[i] - axis[i].position) / (axis[i].position_var + var);
    return sum;
}

void BoxFilter::transform(const double m[6]) {
    const AxisFilter x = axis[0], y = axis[1];
    for (int i = 0; i < 2; ++i) {
        const double a = m[3 * i], b = m[3 * i + 1];
        axis[i] = {a * x.position + b * y.position + m[3 * i + 2], a * x.velocity + b * y.velocity,
                   a * a * x.position_var + b * b * y.position_var, a * a * x.cross_var + b * b * y.cross_var,
                   a * a * x.velocity_var + b * b * y.velocity_var};
        AxisFilter& side = axis[2 + i];
        const double stretch = std::hypot(m[i], m[3 + i]);
        side.position *= stretch;
        side.velocity *= stretch;
        side.position_var *= stretch * stretch;
        side.cross_var *= stretch * stretch;
        side.velocity_var *= stretch * stretch;
    }
}

}  // namespace vision::track
