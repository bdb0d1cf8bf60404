// Rows of a picture -> one row, in 16-bit arithmetic: rows of one weight are summed before they are weighed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu.hpp"
#include "kernels/axis.hpp"

namespace vision {

constexpr int ROW_UNIT = 240;  // of a weighed sum: 255 becomes 61200

// Neighboring source rows of one weight; they give ((sum * lift) * factor) >> 16, lift making the most of 16
// bits.
struct RowTerm {
    int first, n;
    std::uint16_t lift, factor;
};

// Output row i is the sum of terms begin[i] .. begin[i + 1] - 1.
struct RowTerms {
    std::vector<int> begin;
    std::vector<RowTerm> terms;

    void plan(const Axis& axis);
    int n_terms(int i) const { return begin[i + 1] - begin[i]; }
};

#if VISION_X86
constexpr int MIN_ROW = 32;  // bytes

// out: output row y of the `width` bytes (at least MIN_ROW) from `from` on, less 32768 to be signed. Every
// term is cut off: a sum lacks half a unit for each on average. Fetches what row y + 1 will need.
void weigh_rows_avx2(const std::uint8_t* from, std::ptrdiff_t stride, const RowTerms& rows, int y, int width,
                     std::uint16_t* out);

// A row of n pairs or triplets (at least 16) -> a row of each component; triplets hold the last one first.
void unpack_pairs_avx2(const std::uint16_t* packed, int n, std::uint16_t* a, std::uint16_t* b);
void unpack_triplets_avx2(const std::uint16_t* packed, int n, std::uint16_t* r, std::uint16_t* g,
                          std::uint16_t* b);
#endif

}  // namespace vision
