// The likeliest texts that a set of patterns allows, from a reader's log-probabilities.
#pragma once
#include <cstdint>
#include <vector>

namespace vision {

struct TextQuestion {
    int n_slots, n_symbols, n_patterns;  // at least 1 slot; 1..256 symbols
    const float* log_probs;              // (n_slots, n_symbols), neither NaN nor +inf
    const std::uint8_t* masks;           // (n_patterns, n_slots, n_symbols), not 0: allowed
    const float* bias;  // (n_patterns,), added to every text of a pattern; neither NaN nor +inf
    int limit;
};

// m answers, best first: patterns (m,), symbols (m, n_slots), scores (m,).
struct Texts {
    std::vector<std::int32_t> patterns;
    std::vector<std::uint8_t> symbols;
    std::vector<float> scores;
};

// The `limit` texts with the largest score = bias + sum of log-probabilities, each text once, under the
// pattern that gives it most. Equal scores: lower pattern, then lower symbols first. Exact; a pattern with a
// slot that allows nothing gives none.
void decode_text(const TextQuestion& question, Texts& out);

}  // namespace vision
