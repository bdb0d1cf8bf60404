#include "cpu.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace vision {
namespace {

constexpr Simd kAll[] = {Simd::scalar, Simd::neon, Simd::avx2, Simd::avx512};

bool supported(Simd level) noexcept {
    switch (level) {
        case Simd::scalar:
            return true;
#if VISION_NEON
        case Simd::neon:
            return true;
#endif
#if VISION_X86 && defined(__GNUC__)
        case Simd::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case Simd::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl");
#endif
        default:
            return false;
    }
}

Simd parse(const std::string& name) {
    for (Simd level : kAll)
        if (name == name_of(level)) {
            if (!supported(level))
                throw std::invalid_argument("SIMD level: expected one that this CPU can run, got " + name);
            return level;
        }
    throw std::invalid_argument("SIMD level: expected scalar, neon, avx2 or avx512, got " + name);
}

std::atomic<Simd>& current() {
    static std::atomic<Simd> level = [] {
        if (const char* forced = std::getenv("VISION_SIMD")) return parse(forced);
        Simd best = Simd::scalar;
        for (Simd candidate : kAll)
            if (supported(candidate)) best = candidate;
        return best;
    }();
    return level;
}

}  // namespace

Simd simd_level() { return current().load(std::memory_order_relaxed); }
void set_simd_level(const std::string& name) { current().store(parse(name)); }

std::vector<Simd> simd_levels() {
    std::vector<Simd> out;
    for (Simd level : kAll)
        if (supported(level)) out.push_back(level);
    return out;
}

const char* name_of(Simd level) noexcept {
    switch (level) {
        case Simd::neon:
            return "neon";
        case Simd::avx2:
            return "avx2";
        case Simd::avx512:
            return "avx512";
        default:
            return "scalar";
    }
}

}  // namespace vision
