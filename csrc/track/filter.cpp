#include "track/filter.hpp"

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

}  // namespace

Measurement transform(const Measurement& seen, const double m[6]) {
    Measurement out = seen;
    out.axis[0] = m[0] * seen.axis[0] + m[1] * seen.axis[1] + m[2];
    out.axis[1] = m[3] * seen.axis[0] + m[4] * seen.axis[1] + m[5];
    out.axis[2] = std::hypot(m[0], m[3]) * seen.axis[2];
    out.axis[3] = std::hypot(m[1], m[4]) * seen.axis[3];
    return out;
}

void BoxFilter::start(const Measurement& seen, const Noise& noise) {
    const double square_scale = seen.square_scale();
    const double speed = START_SPEED_PER_ACCELERATION * noise.acceleration + START_SPEED;
    for (int i = 0; i < 4; ++i) {
        position[i] = seen.axis[i];
        velocity[i] = cross_var[i] = 0;
        position_var[i] = START_VARIANCE * square(noise.measurement) * square_scale;
        velocity_var[i] = square(i < 2 ? speed : START_SIZE_SPEED) * square_scale;
    }
}

// At distance Z with constant speed everything in the picture is in proportion to 1/Z. With the expansion
// e = -Z'/Z = (size velocity) / size, 1/Z grows by k = 1 / (1 - e dt) within dt: the mean velocity on the way
// is k times, the velocity at its end k^2 times the one at its start. Where width and height differ, the
// smaller expansion counts, and none where one grows and the other shrinks (the vehicle turns, or is half
// hidden).
void BoxFilter::predict(double dt_s, const Noise& noise) {
    const double square_scale = track::square_scale(position[2], position[3]);
    const double drift_var = square(noise.drift) * square_scale * dt_s;
    const double acceleration_var = square(noise.acceleration) * square_scale * dt_s;
    const double wider = velocity[2] / position[2], taller = velocity[3] / position[3];
    const double both = (wider > 0) != (taller > 0)            ? 0
                        : std::fabs(wider) < std::fabs(taller) ? wider
                                                               : taller;
    const double k = 1 / (1 - std::clamp(both * dt_s, MAX_RECEDING, MAX_LOOMING)), k2 = k * k;
    const double from_position = drift_var + acceleration_var * dt_s * dt_s / 3;
    const double from_both = acceleration_var * dt_s / 2;
    const double share[4] = {1, 1, noise.size_share, noise.size_share};
    for (int i = 0; i < 4; ++i) {
        const double v = velocity[i] * k, cross = cross_var[i] * k, var = velocity_var[i] * k2;
        position[i] += v * dt_s;
        position_var[i] += (2 * cross + var * dt_s) * dt_s + share[i] * from_position;
        velocity[i] = v * k;
        cross_var[i] = (cross + var * dt_s + share[i] * from_both) * k;
        velocity_var[i] = (var + share[i] * acceleration_var) * k2;
    }
    for (int i = 2; i < 4; ++i) position[i] = std::max(position[i], MIN_SIDE_PX);
}

void BoxFilter::update(const Measurement& seen, double score, const Noise& noise) {
    // A surer detection is a sharper one. Source: NSA Kalman filter, GIAOTracker, arXiv 2202.11983.
    const double share = std::max(MIN_VARIANCE_SHARE, 1 - noise.score_trust * score);
    const double var = square(noise.measurement) * seen.square_scale() * share;
    for (int i = 0; i < 4; ++i) {
        const double sharper = 1 / (position_var[i] + var);
        const double position_gain = position_var[i] * sharper, velocity_gain = cross_var[i] * sharper;
        const double surprise = seen.axis[i] - position[i];
        position[i] += position_gain * surprise;
        velocity[i] += velocity_gain * surprise;
        velocity_var[i] -= velocity_gain * cross_var[i];
        cross_var[i] -= position_gain * cross_var[i];
        position_var[i] -= position_gain * position_var[i];
    }
}

void BoxFilter::transform(const double m[6]) {
    const BoxFilter old = *this;
    for (int i = 0; i < 2; ++i) {
        const double a = m[3 * i], b = m[3 * i + 1], a2 = a * a, b2 = b * b;
        position[i] = a * old.position[0] + b * old.position[1] + m[3 * i + 2];
        velocity[i] = a * old.velocity[0] + b * old.velocity[1];
        position_var[i] = a2 * old.position_var[0] + b2 * old.position_var[1];
        cross_var[i] = a2 * old.cross_var[0] + b2 * old.cross_var[1];
        velocity_var[i] = a2 * old.velocity_var[0] + b2 * old.velocity_var[1];
        const double stretch = std::hypot(m[i], m[3 + i]);
        const int side = 2 + i;
        position[side] *= stretch;
        velocity[side] *= stretch;
        position_var[side] *= stretch * stretch;
        cross_var[side] *= stretch * stretch;
        velocity_var[side] *= stretch * stretch;
    }
}

}  // namespace vision::track
