#include "kernels/letterbox.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu.hpp"
#include "kernels/axis.hpp"
#include "kernels/rows.hpp"
#include "kernels/windows.hpp"
#if VISION_X86
#include <immintrin.h>
#endif

namespace vision {
namespace {

// Plans and intermediate rows of one call; one per thread, so that a picture of the same shape as the one
// before plans and allocates nothing.
struct Work {
    Axis x[2], y[2];  // of luma or of all colors, of chroma
    Windows windows[2];
    RowTerms terms[2];
    std::vector<std::uint16_t> columns[3], packed;  // rows resampled along y; of pairs or triplets
};

// Which axes a component goes by.
int grid_of(const Component& part) { return part.share == 1 ? 0 : 1; }

// Where the scaled picture goes: rows of 3 planes, so many floats apart.
struct Target {
    float* data;
    std::ptrdiff_t stride, plane;
};

using Fn = void (*)(const Picture&, Work&, const Target&);

float blend(const Component& part, const Axis& ax, const Axis& ay, int x, int y) {
    float sum = 0;
    for (int ty = ay.begin[y]; ty < ay.begin[y + 1]; ++ty) {
        float line = 0;
        for (int tx = ax.begin[x]; tx < ax.begin[x + 1]; ++tx) {
            line += ax.weight[tx] * part.at(ax.first[x] + tx - ax.begin[x], ay.first[y] + ty - ay.begin[y]);
        }
        sum += ay.weight[ty] * line;
    }
    return sum;
}

// The meaning of this kernel.
void letterbox_scalar(const Picture& picture, Work& work, const Target& out) {
    for (int y = 0; y < work.y[0].n_out(); ++y) {
        for (int x = 0; x < work.x[0].n_out(); ++x) {
            float s[3];
            for (int c = 0; c < 3; ++c) {
                const int g = grid_of(picture.part[c]);
                s[c] = blend(picture.part[c], work.x[g], work.y[g], x, y);
            }
            for (int c = 0; c < 3; ++c) {
                const float* m = picture.to_rgb[c];
                const float value = m[0] * s[0] + m[1] * s[1] + m[2] * s[2] + m[3];
                out.data[c * out.plane + y * out.stride + x] = std::clamp(value, 0.f, 1.f);
            }
        }
    }
}

#if VISION_X86

// One output row; m: what the sums of a group and 1 count in each color.
template <int LUMA, int CHROMA>
VISION_TARGET("avx2,fma")
void row_avx2(const Windows& luma, const Windows& chroma, const std::uint16_t* const (&columns)[3],
              const float (&m)[3][4], int width, const Target& out) {
    const Window *p0 = luma.all.data(), *p1 = chroma.all.data(), *p2 = p1;
    const std::uint16_t *s0 = columns[0], *s1 = columns[1], *s2 = columns[2];
    const Target to = out;
    __m256 k[3][4];
    for (int c = 0; c < 3; ++c)
        for (int i = 0; i < 4; ++i) k[c][i] = _mm256_set1_ps(m[c][i]);
    for (int x = 0; x < width; x += 8) {
        x = std::min(x, width - 8);
        const __m256 v0 = group_avx2<LUMA>(p0, luma.depth, s0);
        const __m256 v1 = group_avx2<CHROMA>(p1, chroma.depth, s1),
                     v2 = group_avx2<CHROMA>(p2, chroma.depth, s2);
        for (int c = 0; c < 3; ++c) {
            __m256 v = _mm256_fmadd_ps(k[c][0], v0, k[c][3]);
            v = _mm256_fmadd_ps(k[c][2], v2, _mm256_fmadd_ps(k[c][1], v1, v));
            v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(1));
            _mm256_storeu_ps(to.data + c * to.plane + x, v);
        }
    }
}

template <int LUMA>
auto row_of(int n_outputs) {
    return n_outputs == 4 ? row_avx2<LUMA, 4> : n_outputs == 2 ? row_avx2<LUMA, 2> : row_avx2<LUMA, 1>;
}

// Row by row: every component is resampled along y in 16 bits, then 8 outputs of all three along x and into
// colors at once. Planes narrower than a register are left to the scalar loop.
VISION_TARGET("avx2,fma")
void letterbox_avx2(const Picture& picture, Work& work, const Target& out) {
    const int width = work.x[0].n_out(), height = work.y[0].n_out(), chroma = grid_of(picture.part[1]);
    if (width < 8 || picture.part[1].width < MIN_ROW) return letterbox_scalar(picture, work, out);
    int from[3], n[3];  // the samples of a row that are read: those needed, at least MIN_ROW
    const std::uint16_t* columns[3];
    for (int c = 0; c < 3; ++c) {
        const int g = grid_of(picture.part[c]), low = work.x[g].low();
        from[c] = std::min(low, picture.part[c].width - MIN_ROW);
        n[c] = std::max(work.x[g].high() - from[c], MIN_ROW);
        work.columns[c].resize(n[c] + 8 * work.windows[g].depth);
        columns[c] = work.columns[c].data() + low - from[c];
    }
    work.packed.resize(3 * n[0]);
    const int n_luma = work.windows[0].n_outputs, n_chroma = work.windows[chroma].n_outputs;
    const auto row = n_luma == 4   ? row_of<4>(n_chroma)
                     : n_luma == 2 ? row_of<2>(n_chroma)
                                   : row_of<1>(n_chroma);
    for (int y = 0; y < height; ++y) {
        float m[3][4];
        for (int k = 0; k < 3; ++k) m[k][3] = picture.to_rgb[k][3];
        for (int c = 0; c < 3; ++c) {
            const Component& part = picture.part[c];
            const RowTerms& rows = work.terms[grid_of(part)];
            const std::uint8_t* first = part.data + from[c] * part.step;
            auto& line = work.columns;
            if (part.step == 1) {
                weigh_rows_avx2(first, part.stride, rows, y, n[c], line[c].data());
            } else if (part.step == 2 && c == 1) {
                weigh_rows_avx2(first, part.stride, rows, y, 2 * n[c], work.packed.data());
                unpack_pairs_avx2(work.packed.data(), n[c], line[1].data(), line[2].data());
            } else if (part.step == 3 && c == 0) {
                weigh_rows_avx2(first, part.stride, rows, y, 3 * n[c], work.packed.data());
                unpack_triplets_avx2(work.packed.data(), n[c], line[0].data(), line[1].data(),
                                     line[2].data());
            }
            const float offset = 32768 + .5f * static_cast<float>(rows.n_terms(y));  // see weigh_rows_avx2
            for (int k = 0; k < 3; ++k) {
                m[k][c] = picture.to_rgb[k][c] / (ROW_UNIT * float{COLUMN_UNIT});
                m[k][3] += picture.to_rgb[k][c] * offset / ROW_UNIT;
            }
        }
        row(work.windows[0], work.windows[chroma], columns, m, width,
            {out.data + y * out.stride, out.stride, out.plane});
    }
}
#endif

const Variants<Fn> kVariants = {
    letterbox_scalar,
#if VISION_X86
    nullptr,
    letterbox_avx2,
#endif
};

}  // namespace

Fit fit(const Roi& roi, int width, int height) {
    const double rw = roi.x1 - roi.x0, rh = roi.y1 - roi.y0;
    const double k = std::min(width / rw, height / rh);
    const int w = std::clamp(static_cast<int>(std::nearbyint(rw * k)), 1, width);
    const int h = std::clamp(static_cast<int>(std::nearbyint(rh * k)), 1, height);
    return {w, h, w / rw, h / rh};
}

Fit letterbox(const Picture& picture, const Roi& roi, float pad, int width, int height, float* out) {
    const bool is_whole = roi.x1 - roi.x0 == picture.width && roi.y1 - roi.y0 == picture.height;
    thread_local Work works[2];  // regions change from call to call, whole pictures keep their plans
    Work& work = works[is_whole];
    const Fit size = fit(roi, width, height);
    for (int g = 0; g < (picture.is_bgr ? 1 : 2); ++g) {
        const Component& part = picture.part[g];
        const double k = part.share;
        if (work.x[g].plan(roi.x0 * k, roi.x1 * k, part.width, size.width) && size.width >= 8)
            work.windows[g].plan(work.x[g]);
        if (work.y[g].plan(roi.y0 * k, roi.y1 * k, part.height, size.height)) work.terms[g].plan(work.y[g]);
    }
    const std::ptrdiff_t plane = std::ptrdiff_t{1} * width * height;
    kVariants.pick()(picture, work, {out, width, plane});
    for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < height; ++y) {
            float* row = out + c * plane + std::ptrdiff_t{1} * y * width;
            std::fill(row + (y < size.height ? size.width : 0), row + width, pad);
        }
    }
    return size;
}

}  // namespace vision
