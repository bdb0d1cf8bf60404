// The likeliest plate texts that a grammar allows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vision {

struct Text {
    int pattern;
    std::vector<std::uint8_t> symbols;  // one per slot
    float log_prob;                     // sum over the slots plus the pattern's bias
};

// log_probs: slots x characters; masks: patterns x slots x characters, nonzero = allowed; bias: one per pattern.
// The exact `limit` best texts over all patterns, best first; a text that several patterns allow comes once, with
// the pattern that scores it highest (the first of equals). A pattern with an impossible slot gives nothing.
std::vector<Text> decode_text(const float* log_probs, const std::uint8_t* masks, const float* bias, int n_patterns,
                              int n_slots, int n_characters, int limit);

}  // namespace vision
