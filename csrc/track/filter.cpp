#include "track/filter.hpp"

namespace vision::track {

namespace {

constexpr float MIN_SIDE_PX = 2;             // a predicted side never shrinks below this
constexpr double MIN_VARIANCE_SHARE = 0.15;  // of the measurement variance, at the highest score
constexpr double START_VARIANCE = 4;         // the first box is this much less sure than a later one
constexpr double START_SPEED = 1.0;          // scales per s, plus START_SPEED_PER_ACCELERATION * acceleration
constexpr double START_SPEED_PER_ACCELERATION = 1.6;
constexpr double START_SIZE_SPEED = 0.3;  // scales per s
constexpr float MAX_RECEDING = -1;        // expansion within one step
constexpr float MAX_LOOMING = 0.6F;

float square(double x) { return static_cast<float>(x * x); }

}  // namespace

Measurement transform(const Measurement& seen, const double m[6]) {
    Measurement out = seen;
    out.axis[0] = static_cast<float>(m[0] * seen.axis[0] + m[1] * seen.axis[1] + m[2]);
    out.axis[1] = static_cast<float>(m[3] * seen.axis[0] + m[4] * seen.axis[1] + m[5]);
    out.axis[2] = static_cast<float>(std::hypot(m[0], m[3]) * seen.axis[2]);
    out.axis[3] = static_cast<float>(std::hypot(m[1], m[4]) * seen.axis[3]);
    return out;
}

void BoxFilter::start(const Measurement& seen, const Noise& noise) {
    const float square_scale = seen.square_scale();
    const double speed = START_SPEED_PER_ACCELERATION * noise.acceleration + START_SPEED;
    for (int i = 0; i < 4; ++i) {
        position[i] = seen.axis[i];
        velocity[i] = cross_var[i] = 0;
        position_var[i] = static_cast<float>(START_VARIANCE) * square(noise.measurement) * square_scale;
        velocity_var[i] = square(i < 2 ? speed : START_SIZE_SPEED) * square_scale;
    }
}

// At distance Z with constant speed everything in the picture is in proportion to 1/Z. With the expansion
// e = -Z'/Z = (size velocity) / size, 1/Z grows by k = 1 / (1 - e dt) within dt: the mean velocity on the way
// is k times, the velocity at its end k^2 times the one at its start. Where width and height differ, the
// smaller expansion counts, and none where one grows and the other shrinks (the vehicle turns, or is half
// hidden).
void BoxFilter::predict(double dt_s, const Noise& noise) {
    const auto dt = static_cast<float>(dt_s);
    const float square_scale = track::square_scale(position[2], position[3]);
    const float drift_var = square(noise.drift) * square_scale * dt;
    const float acceleration_var = square(noise.acceleration) * square_scale * dt;
    const float wider = velocity[2] / position[2], taller = velocity[3] / position[3];
    const float both = (wider > 0) != (taller > 0)            ? 0
                       : std::fabs(wider) < std::fabs(taller) ? wider
                                                              : taller;
    const float k = 1 / (1 - std::clamp(both * dt, MAX_RECEDING, MAX_LOOMING)), k2 = k * k;
    const float from_position = drift_var + acceleration_var * dt * dt / 3;
    const float from_both = acceleration_var * dt / 2;
    const auto size_share = static_cast<float>(noise.size_share);
    const float share[4] = {1, 1, size_share, size_share};
    for (int i = 0; i < 4; ++i) {
        const float v = velocity[i] * k, cross = cross_var[i] * k, var = velocity_var[i] * k2;
        position[i] += v * dt;
        position_var[i] += (2 * cross + var * dt) * dt + share[i] * from_position;
        velocity[i] = v * k;
        cross_var[i] = (cross + var * dt + share[i] * from_both) * k;
        velocity_var[i] = (var + share[i] * acceleration_var) * k2;
    }
    for (int i = 2; i < 4; ++i) position[i] = std::max(position[i], MIN_SIDE_PX);
}

void BoxFilter::update(const Measurement& seen, double score, const Noise& noise) {
    // A surer detection is a sharper one. Source: NSA Kalman filter, GIAOTracker, arXiv 2202.11983.
    const auto share = static_cast<float>(std::max(MIN_VARIANCE_SHARE, 1 - noise.score_trust * score));
    const float var = square(noise.measurement) * seen.square_scale() * share;
    for (int i = 0; i < 4; ++i) {
        const float sharper = 1 / (position_var[i] + var),
                    kept = var * sharper;  // 1 - gain, without a difference
        const float surprise = (seen.axis[i] - position[i]) * sharper;
        position[i] += position_var[i] * surprise;
        velocity[i] += cross_var[i] * surprise;
        velocity_var[i] -= cross_var[i] * cross_var[i] * sharper;
        cross_var[i] *= kept;
        position_var[i] *= kept;
    }
}

void BoxFilter::transform(const double m[6]) {
    const BoxFilter old = *this;
    for (int i = 0; i < 2; ++i) {
        const double a = m[3 * i], b = m[3 * i + 1], a2 = a * a, b2 = b * b;
        const auto mixed = [&](const float of[4], double x, double y) {
            return static_cast<float>(x * of[0] + y * of[1]);
        };
        position[i] = mixed(old.position, a, b) + static_cast<float>(m[3 * i + 2]);
        velocity[i] = mixed(old.velocity, a, b);
        position_var[i] = mixed(old.position_var, a2, b2);
        cross_var[i] = mixed(old.cross_var, a2, b2);
        velocity_var[i] = mixed(old.velocity_var, a2, b2);
        const auto stretch = static_cast<float>(std::hypot(m[i], m[3 + i]));
        const int side = 2 + i;
        position[side] *= stretch;
        velocity[side] *= stretch;
        position_var[side] *= stretch * stretch;
        cross_var[side] *= stretch * stretch;
        velocity_var[side] *= stretch * stretch;
    }
}

}  // namespace vision::track
