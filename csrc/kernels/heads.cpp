#include "kernels/heads.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "cpu.hpp"

namespace vision {
namespace {

constexpr std::size_t kMostCandidates = 1000;

float iou(const float* a, const float* b) {
    const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]), h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    if (!(w > 0 && h > 0)) return 0;
    const float inter = w * h;
    const float whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter;
    return whole > 0 ? inter / whole : 0;
}

struct Candidate {
    float logit;
    std::size_t row;
    float x, y, stride;  // the grid point
};

void bounds(const float* geometry, int n, float box[4]) {
    if (n == 4) {
        std::copy(geometry, geometry + 4, box);
        return;
    }
    box[0] = box[2] = geometry[0];
    box[1] = box[3] = geometry[1];
    for (int i = 2; i < 8; i += 2) {
        box[0] = std::min(box[0], geometry[i]);
        box[1] = std::min(box[1], geometry[i + 1]);
        box[2] = std::max(box[2], geometry[i]);
        box[3] = std::max(box[3], geometry[i + 1]);
    }
}

}  // namespace

std::size_t n_points(const HeadShape& shape) {
    std::size_t n = 0;
    for (int s : shape.strides) n += static_cast<std::size_t>(shape.height / s) * static_cast<std::size_t>(shape.width / s);
    return n;
}

Found decode_heads(const float* rows, const HeadShape& shape, float min_score, float max_iou, const float scale[2],
                   const float origin[2], int limit) {
    const std::size_t width = 1 + shape.n_classes + shape.geometry;
    // sigmoid is monotonic: compare logits, and take exponentials of the survivors only
    const float least = min_score <= 0   ? -INFINITY
                        : min_score >= 1 ? INFINITY
                                         : std::log(min_score / (1 - min_score));
    std::vector<Candidate> candidates;
    std::size_t row = 0;
    for (int s : shape.strides)
        for (int y = 0; y < shape.height / s; ++y)
            for (int x = 0; x < shape.width / s; ++x, ++row) {
                const float logit = rows[row * width];
                if (logit >= least)
                    candidates.push_back({logit, row, (x + 0.5f) * s, (y + 0.5f) * s, static_cast<float>(s)});
                else if (std::isnan(logit))
                    throw std::invalid_argument("rows: expected numbers, got a score that is not a number");
            }
    const auto better = [](const Candidate& a, const Candidate& b) {
        return a.logit != b.logit ? a.logit > b.logit : a.row < b.row;
    };
    if (candidates.size() > kMostCandidates) {
        std::nth_element(candidates.begin(), candidates.begin() + kMostCandidates, candidates.end(), better);
        candidates.resize(kMostCandidates);
    }
    std::sort(candidates.begin(), candidates.end(), better);

    Found found;
    std::vector<float> boxes;
    for (const Candidate& c : candidates) {
        if (found.score.size() >= static_cast<std::size_t>(limit)) break;
        const float* raw = rows + c.row * width + 1 + shape.n_classes;
        float geometry[8];
        for (int i = 0; i < shape.geometry; ++i) {
            const bool is_y = i % 2 == 1;
            const float sign = shape.geometry == 4 && i < 2 ? -1.f : 1.f;
            const float q = (is_y ? c.y : c.x) + sign * raw[i] * c.stride;
            geometry[i] = (q + 0.5f) / scale[is_y] + origin[is_y];
        }
        float box[4];
        bounds(geometry, shape.geometry, box);
        bool is_new = true;
        for (std::size_t k = 0; is_new && k < boxes.size(); k += 4) is_new = iou(box, &boxes[k]) <= max_iou;
        if (!is_new) continue;
        boxes.insert(boxes.end(), box, box + 4);
        found.geometry.insert(found.geometry.end(), geometry, geometry + shape.geometry);
        found.score.push_back(1 / (1 + std::exp(-c.logit)));
        const float* logits = rows + c.row * width + 1;
        const float top = shape.n_classes ? *std::max_element(logits, logits + shape.n_classes) : 0;
        float sum = 0;
        for (int i = 0; i < shape.n_classes; ++i) sum += std::exp(logits[i] - top);
        for (int i = 0; i < shape.n_classes; ++i) found.probs.push_back(std::exp(logits[i] - top) / sum);
    }
    return found;
}

void iou_matrix(const float* a, std::size_t n, const float* b, std::size_t m, float* out) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < m; ++j) out[i * m + j] = iou(a + 4 * i, b + 4 * j);
}

}  // namespace vision
