#include "kernels/decode_text.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace vision {
namespace {

// A text or the beginning of one. A string of up to 15 symbols needs no memory of its own; it compares as
// bytes.
struct Partial {
    double score;
    int pattern;
    std::string symbols;

    bool operator<(const Partial& other) const {  // better first
        if (score != other.score) return score > other.score;
        return pattern != other.pattern ? pattern < other.pattern : symbols < other.symbols;
    }
};

// Slot by slot, the best `limit` beginnings times the best `limit` allowed symbols: a text outside of these
// is beaten by `limit` others, so that nothing is lost. ranked: the symbols of each slot, best first.
void best_of_pattern(const TextQuestion& q, int pattern, const std::vector<std::uint8_t>& ranked,
                     std::vector<Partial>& all) {
    std::vector<Partial> beam = {{q.bias[pattern], pattern, {}}}, next;
    const std::size_t limit = q.limit;
    for (int slot = 0; slot < q.n_slots; ++slot) {
        const float* log_probs = q.log_probs + slot * q.n_symbols;
        const std::uint8_t* mask = q.masks + (std::ptrdiff_t{1} * pattern * q.n_slots + slot) * q.n_symbols;
        next.clear();
        std::size_t n_tried = 0;
        for (int rank = 0; rank < q.n_symbols && n_tried < limit; ++rank) {
            const std::uint8_t symbol = ranked[slot * q.n_symbols + rank];
            if (mask[symbol] == 0) continue;
            ++n_tried;
            // The r-th symbol can only follow the first limit / r beginnings: the others have `limit` better
            // ones.
            const std::size_t n = std::min(beam.size(), limit / n_tried);
            for (std::size_t i = 0; i < n; ++i) {
                next.push_back({beam[i].score + log_probs[symbol], pattern, beam[i].symbols});
                next.back().symbols.push_back(static_cast<char>(symbol));
            }
        }
        std::sort(next.begin(), next.end());
        if (next.size() > limit) next.resize(limit);
        beam.swap(next);
    }
    all.insert(all.end(), beam.begin(), beam.end());
}

// The best score of a pattern, summed as `best_of_pattern` does; false if one of its slots allows nothing.
bool bound_of_pattern(const TextQuestion& q, int pattern, const std::vector<std::uint8_t>& ranked,
                      double& out) {
    out = q.bias[pattern];
    for (int slot = 0; slot < q.n_slots; ++slot) {
        const std::uint8_t* mask = q.masks + (std::ptrdiff_t{1} * pattern * q.n_slots + slot) * q.n_symbols;
        const auto first = ranked.begin() + slot * q.n_symbols, last = first + q.n_symbols;
        const auto best = std::find_if(first, last, [&](std::uint8_t symbol) { return mask[symbol] != 0; });
        if (best == last) return false;
        out += q.log_probs[slot * q.n_symbols + *best];
    }
    return true;
}

// The `limit` best, sorted, each text once: the first of its kind.
void keep_best(std::vector<Partial>& all, std::size_t limit) {
    std::sort(all.begin(), all.end());
    std::size_t n = 0;
    for (std::size_t i = 0; i < all.size() && n < limit; ++i) {
        const auto is_same = [&](const Partial& other) { return other.symbols == all[i].symbols; };
        if (std::any_of(all.begin(), all.begin() + n, is_same)) continue;
        if (n != i) all[n] = std::move(all[i]);
        ++n;
    }
    all.resize(n);
}

}  // namespace

void decode_text(const TextQuestion& q, Texts& out) {
    std::vector<std::uint8_t> ranked(static_cast<std::size_t>(q.n_slots) * q.n_symbols);
    for (int slot = 0; slot < q.n_slots; ++slot) {
        const auto first = ranked.begin() + slot * q.n_symbols, last = first + q.n_symbols;
        const float* log_probs = q.log_probs + slot * q.n_symbols;
        std::iota(first, last, std::uint8_t{0});
        std::stable_sort(first, last, [&](int a, int b) { return log_probs[a] > log_probs[b]; });
    }
    // Likely patterns first: once the texts found beat the best of a pattern, they beat all that is left.
    std::vector<std::pair<double, int>> bounds;
    for (int pattern = 0; pattern < q.n_patterns; ++pattern) {
        double bound = 0;
        if (bound_of_pattern(q, pattern, ranked, bound)) bounds.push_back({-bound, pattern});
    }
    std::sort(bounds.begin(), bounds.end());
    const std::size_t limit = q.limit;
    std::vector<Partial> found;
    for (const auto& [bound, pattern] : bounds) {
        if (limit == 0 || (found.size() == limit && -bound < found.back().score)) break;
        best_of_pattern(q, pattern, ranked, found);
        keep_best(found, limit);
    }
    out = {};
    for (const Partial& text : found) {
        out.patterns.push_back(text.pattern);
        out.symbols.insert(out.symbols.end(), text.symbols.begin(), text.symbols.end());
        out.scores.push_back(static_cast<float>(text.score));
    }
}

}  // namespace vision
