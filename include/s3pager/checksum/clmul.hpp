// Carry-less multiplication of 128-bit blocks where the processor may have it: PCLMULQDQ of x86-64, PMULL of 64-bit Arm. Knows no CRC.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#define S3PAGER_CLMUL_TARGET "sse4.1,pclmul"
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#include <arm_neon.h>
#include <sys/auxv.h>
#define S3PAGER_CLMUL_TARGET "+crypto"
#endif

#ifdef S3PAGER_CLMUL_TARGET
/// Of functions that do it, which may be called only where has_clmul(); a part of them is inlined into the whole.
#define S3PAGER_CLMUL gnu::target(S3PAGER_CLMUL_TARGET)
#define S3PAGER_CLMUL_PART S3PAGER_CLMUL, gnu::always_inline

namespace s3pager::checksum::detail {

#if defined(__x86_64__)

using clmul_block = __m128i;

[[nodiscard]] inline bool has_clmul() noexcept {
  return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("pclmul");
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block load_block(const std::byte* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
[[S3PAGER_CLMUL_PART]] inline void store_block(std::byte* to, clmul_block what) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), what);
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block block_of(std::uint64_t first, std::uint64_t second) noexcept {
  return _mm_set_epi64x(static_cast<long long>(second), static_cast<long long>(first));
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block add_blocks(clmul_block a, clmul_block b) noexcept {
  return _mm_xor_si128(a, b);
}
/// The product of their first halves, and of their second ones.
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block multiply_firsts(clmul_block a, clmul_block b) noexcept {
  return _mm_clmulepi64_si128(a, b, 0x00);
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block multiply_seconds(clmul_block a, clmul_block b) noexcept {
  return _mm_clmulepi64_si128(a, b, 0x11);
}

#else

using clmul_block = uint64x2_t;

[[nodiscard]] inline bool has_clmul() noexcept {
  constexpr unsigned long pmull = 1UL << 4;  // HWCAP_PMULL of asm/hwcap.h
  return (::getauxval(AT_HWCAP) & pmull) != 0;
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block load_block(const std::byte* from) noexcept {
  return vreinterpretq_u64_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(from)));
}
[[S3PAGER_CLMUL_PART]] inline void store_block(std::byte* to, clmul_block what) noexcept {
  vst1q_u8(reinterpret_cast<std::uint8_t*>(to), vreinterpretq_u8_u64(what));
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block block_of(std::uint64_t first, std::uint64_t second) noexcept {
  return vcombine_u64(vcreate_u64(first), vcreate_u64(second));
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block add_blocks(clmul_block a, clmul_block b) noexcept { return veorq_u64(a, b); }
/// The product of their first halves, and of their second ones.
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block multiply_firsts(clmul_block a, clmul_block b) noexcept {
  return vreinterpretq_u64_p128(vmull_p64(static_cast<poly64_t>(vgetq_lane_u64(a, 0)), static_cast<poly64_t>(vgetq_lane_u64(b, 0))));
}
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block multiply_seconds(clmul_block a, clmul_block b) noexcept {
  return vreinterpretq_u64_p128(vmull_high_p64(vreinterpretq_p64_u64(a), vreinterpretq_p64_u64(b)));
}

#endif

}  // namespace s3pager::checksum::detail

#endif  // S3PAGER_CLMUL_TARGET
