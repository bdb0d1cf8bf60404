// Where a box is, how fast it moves, and how sure that is: constant velocity, real time steps.
#pragma once

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

// One coordinate: position and velocity with their 2x2 covariance. Source: R. E. Kalman (1960).
struct AxisFilter {
    double position = 0, velocity = 0;
    double position_var = 0, cross_var = 0, velocity_var = 0;

    void start(double measured, double measured_var, double speed_var);
    // drift_var: px^2 per s; acceleration_var: px^2 per s^3 (continuous white acceleration).
    void predict(double dt_s, double drift_var, double acceleration_var);
    void update(double measured, double measured_var);
    void scale_velocity(double k);
};

// What the filter sees of a box.
struct Measurement {
    double axis[4];  // center x, center y, width, height, in pixels

    explicit Measurement(const Box& box);
    Box box() const;
    double scale() const;
};

// Four independent coordinates: center x, center y, width, height.
struct BoxFilter {
    AxisFilter axis[4];

    void start(const Measurement& seen, const Noise& noise);
    // A box that grows comes nearer, and what comes nearer also moves and grows ever faster in the picture.
    void predict(double dt_s, const Noise& noise);
    void update(const Measurement& seen, double score, const Noise& noise);
    // A lost box keeps its size: an unseen size trend runs away quickly.
    void freeze_size();
    Box box() const;
    double scale() const;
    // Squared distance of a center in standard deviations. Source: DeepSORT, arXiv 1703.07402.
    double chi2(const Measurement& seen, const Noise& noise) const;
    // Carries the state into the picture of a camera that has moved: x' = m[0] x + m[1] y + m[2], y'
    // likewise.
    void transform(const double m[6]);
};

// The box under an affine map, upright again: its center maps, its sides stretch.
Measurement transform(const Measurement& seen, const double m[6]);

}  // namespace vision::track
