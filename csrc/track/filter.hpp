// Where a box is, how fast it moves, and how sure that is: constant velocity, real time steps.
#pragma once

#include <algorithm>
#include <cmath>

#include "track/box.hpp"

namespace vision::track {

// Noise levels, as shares of the box scale sqrt(width * height), so that near and far vehicles behave alike.
struct Noise {
    double acceleration = 1.0;  // scales per s^2, white
    double drift = 0.1;         // scales per sqrt(s), random walk of the position
    double measurement = 0.05;  // scales, standard deviation of a detection's edge-center
    double score_trust = 0.8;   // how much a high score lowers the measurement variance
    double size_share = 0.25;   // share of the process noise that width and height get
};

// Square of the scale sqrt(width * height), sides of at least a pixel.
inline float square_scale(float width, float height) {
    return std::max(1.0F, width) * std::max(1.0F, height);
}

// The box of center x, center y, width, height.
inline Box box_around(const float axis[4]) {
    return {axis[0] - axis[2] / 2, axis[1] - axis[3] / 2, axis[0] + axis[2] / 2, axis[1] + axis[3] / 2};
}

// What the filter sees of a box.
struct Measurement {
    alignas(16) float axis[4];  // center x, center y, width, height, in pixels

    explicit Measurement(const Box& b)
        : axis{(b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.x2 - b.x1, b.y2 - b.y1} {}
    Box box() const { return box_around(axis); }
    float square_scale() const { return track::square_scale(axis[2], axis[3]); }
    float scale() const { return std::sqrt(square_scale()); }
};

// Four independent coordinates, center x, center y, width, height, each with position, velocity and their 2x2
// covariance; one array per number, so that all four are one vector. Source: R. E. Kalman (1960).
struct BoxFilter {
    alignas(16) float position[4]{};
    float velocity[4]{}, position_var[4]{}, cross_var[4]{}, velocity_var[4]{};

    void start(const Measurement& seen, const Noise& noise);
    // A box that grows comes nearer, and what comes nearer also moves and grows ever faster in the picture.
    void predict(double dt_s, const Noise& noise);
    void update(const Measurement& seen, double score, const Noise& noise);
    // A lost box keeps its size: an unseen size trend runs away quickly.
    void freeze_size() { velocity[2] = velocity[3] = 0; }
    Box box() const { return box_around(position); }
    float scale() const { return std::sqrt(square_scale(position[2], position[3])); }
    // Whether a center is at most so far away: squared distance in standard deviations, compared without a
    // division. Source: DeepSORT, arXiv 1703.07402.
    bool is_within(double max_chi2, const Measurement& seen, const Noise& noise) const {
        const float var = static_cast<float>(noise.measurement * noise.measurement) * seen.square_scale();
        const float x = seen.axis[0] - position[0], y = seen.axis[1] - position[1];
        const float var_x = position_var[0] + var, var_y = position_var[1] + var;
        return x * x * var_y + y * y * var_x <= static_cast<float>(max_chi2) * var_x * var_y;
    }
    // Carries the state into the picture of a camera that has moved: x' = m[0] x + m[1] y + m[2], y'
    // likewise.
    void transform(const double m[6]);
};

// The box under an affine map, upright again: its center maps, its sides stretch.
Measurement transform(const Measurement& seen, const double m[6]);

}  // namespace vision::track
