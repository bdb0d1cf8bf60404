#include "kernels/text.hpp"

#include <algorithm>

namespace vision {
namespace {

struct Partial {
    float log_prob;
    std::vector<std::uint8_t> symbols;
};

bool better(const Partial& a, const Partial& b) {
    return a.log_prob != b.log_prob ? a.log_prob > b.log_prob : a.symbols < b.symbols;
}

}  // namespace

std::vector<Text> decode_text(const float* log_probs, const std::uint8_t* masks, const float* bias, int n_patterns,
                              int n_slots, int n_characters, int limit) {
    std::vector<Text> texts;
    std::vector<Partial> beam, next;
    std::vector<std::pair<float, std::uint8_t>> options;
    for (int pattern = 0; pattern < n_patterns; ++pattern) {
        // Slots are independent, so the best texts of the first s slots contain those of the first s + 1.
        beam.assign(1, {bias[pattern], {}});
        for (int slot = 0; slot < n_slots; ++slot) {
            const float* p = log_probs + static_cast<std::size_t>(slot) * n_characters;
            const std::uint8_t* allowed =
                masks + (static_cast<std::size_t>(pattern) * n_slots + slot) * n_characters;
            options.clear();
            for (int c = 0; c < n_characters; ++c)
                if (allowed[c]) options.emplace_back(p[c], static_cast<std::uint8_t>(c));
            const auto most = std::min<std::size_t>(options.size(), limit);
            std::partial_sort(options.begin(), options.begin() + most, options.end(), [](const auto& a, const auto& b) {
                return a.first != b.first ? a.first > b.first : a.second < b.second;
            });
            next.clear();
            for (const Partial& head : beam)
                for (std::size_t k = 0; k < most; ++k) {
                    next.push_back({head.log_prob + options[k].first, head.symbols});
                    next.back().symbols.push_back(options[k].second);
                }
            const auto keep = std::min<std::size_t>(next.size(), limit);
            std::partial_sort(next.begin(), next.begin() + keep, next.end(), better);
            next.resize(keep);
            beam.swap(next);
        }
        for (Partial& text : beam) {
            const auto same = std::find_if(texts.begin(), texts.end(), [&](const Text& t) { return t.symbols == text.symbols; });
            if (same == texts.end())
                texts.push_back({pattern, std::move(text.symbols), text.log_prob});
            else if (text.log_prob > same->log_prob)
                *same = {pattern, std::move(text.symbols), text.log_prob};
        }
    }
    std::stable_sort(texts.begin(), texts.end(), [](const Text& a, const Text& b) { return a.log_prob > b.log_prob; });
    if (texts.size() > static_cast<std::size_t>(limit)) texts.resize(limit);
    return texts;
}

}  // namespace vision
