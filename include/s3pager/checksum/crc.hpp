// CRC32, CRC32C and CRC64NVME at the speed of memory: one folding routine by carry-less multiplication for all three, chosen
// at run time, over a portable one by tables. Knows no headers.
//
// Folding (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel, 2009): 128 bits of message that
// stand D bits before others are replaced by a remainder that is added to those. In the reflected form clmul(a, b) is a*b*x, hence the
// exponents D+63 and D-1 below.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "s3pager/checksum/clmul.hpp"
#include "s3pager/checksum/polynomial.hpp"

namespace s3pager::checksum {

namespace detail {

/// Tables for eight bytes at a time ("slicing by 8").
template <class Polynomial>
struct slicing_tables {
  using word = typename Polynomial::word;
  std::array<std::array<word, 256>, 8> of{};

  slicing_tables() noexcept {
    for (unsigned byte = 0; byte < 256; ++byte) {
      word value = byte;
      for (int bit = 0; bit < 8; ++bit) value = Polynomial::times_x(value);
      of[0][byte] = value;
    }
    for (unsigned byte = 0; byte < 256; ++byte)
      for (std::size_t level = 1; level < 8; ++level)
        of[level][byte] = static_cast<word>((of[level - 1][byte] >> 8) ^ of[0][of[level - 1][byte] & 0xff]);
  }
};

template <class Polynomial>
[[nodiscard]] const slicing_tables<Polynomial>& tables() noexcept {
  static const slicing_tables<Polynomial> made;
  return made;
}

[[nodiscard]] inline std::uint64_t load_little_endian(const std::byte* from) noexcept {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return value;
}

/// The state after `size` bytes, without the inversions at begin and end.
template <class Polynomial>
[[nodiscard]] typename Polynomial::word update_by_tables(typename Polynomial::word state, const std::byte* data,
                                                         std::size_t size) noexcept {
  using word = typename Polynomial::word;
  const auto& table = tables<Polynomial>().of;
  for (; size >= 8; size -= 8, data += 8) {
    const std::uint64_t mixed = load_little_endian(data) ^ state;
    word next = 0;
    for (unsigned i = 0; i < 8; ++i) next ^= table[7 - i][(mixed >> (8 * i)) & 0xff];
    state = next;
  }
  for (; size > 0; --size, ++data)
    state = static_cast<word>((std::uint64_t{state} >> 8) ^ table[0][(state ^ std::to_integer<unsigned>(*data)) & 0xff]);
  return state;
}

#ifdef S3PAGER_CLMUL_TARGET

/// What 128 bits that stand `Distance` bits before others are multiplied by: their first 64 bits by `first`, the rest by `second`.
template <class Polynomial, unsigned Distance>
struct fold_constants {
  static constexpr std::uint64_t widened(typename Polynomial::word value) noexcept {
    return std::uint64_t{value} << (64 - Polynomial::width);
  }
  static constexpr std::uint64_t first = widened(Polynomial::power_of_x(Distance + 63));
  static constexpr std::uint64_t second = widened(Polynomial::power_of_x(Distance - 1));
};

template <class Polynomial, unsigned Distance>
[[nodiscard, S3PAGER_CLMUL_PART]] inline clmul_block fold(clmul_block before, clmul_block onto) noexcept {
  using constants = fold_constants<Polynomial, Distance>;
  const clmul_block by = block_of(constants::first, constants::second);
  return add_blocks(onto, add_blocks(multiply_firsts(before, by), multiply_seconds(before, by)));
}

/// At least 64 bytes.
template <class Polynomial>
[[nodiscard, S3PAGER_CLMUL]] typename Polynomial::word update_by_clmul(typename Polynomial::word state, const std::byte* data,
                                                                       std::size_t size) noexcept {
  clmul_block a = add_blocks(load_block(data), block_of(std::uint64_t{state}, 0));
  clmul_block b = load_block(data + 16);
  clmul_block c = load_block(data + 32);
  clmul_block d = load_block(data + 48);
  for (data += 64, size -= 64; size >= 64; data += 64, size -= 64) {
    a = fold<Polynomial, 512>(a, load_block(data));
    b = fold<Polynomial, 512>(b, load_block(data + 16));
    c = fold<Polynomial, 512>(c, load_block(data + 32));
    d = fold<Polynomial, 512>(d, load_block(data + 48));
  }
  b = fold<Polynomial, 128>(a, b);
  c = fold<Polynomial, 128>(b, c);
  d = fold<Polynomial, 128>(c, d);
  for (; size >= 16; data += 16, size -= 16) d = fold<Polynomial, 128>(d, load_block(data));
  std::byte rest[16];
  store_block(rest, d);
  return update_by_tables<Polynomial>(update_by_tables<Polynomial>(0, rest, 16), data, size);
}

#endif  // S3PAGER_CLMUL_TARGET
#if defined(__x86_64__)

template <class Polynomial, unsigned Distance>
[[nodiscard, gnu::target("avx512f,vpclmulqdq"), gnu::always_inline]] inline __m512i fold_wide(__m512i before,
                                                                                             __m512i onto) noexcept {
  using constants = fold_constants<Polynomial, Distance>;
  const auto second = static_cast<long long>(constants::second);
  const auto first = static_cast<long long>(constants::first);
  const __m512i by = _mm512_set_epi64(second, first, second, first, second, first, second, first);
  // 0x96: the exclusive or of all three.
  return _mm512_ternarylogic_epi64(onto, _mm512_clmulepi64_epi128(before, by, 0x00),
                                   _mm512_clmulepi64_epi128(before, by, 0x11), 0x96);
}

/// At least 256 bytes.
template <class Polynomial>
[[nodiscard, gnu::target("avx512f,vpclmulqdq")]] typename Polynomial::word update_by_wide_clmul(
    typename Polynomial::word state, const std::byte* data, std::size_t size) noexcept {
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(data),
                               _mm512_set_epi64(0, 0, 0, 0, 0, 0, 0, static_cast<long long>(std::uint64_t{state})));
  __m512i b = _mm512_loadu_si512(data + 64);
  __m512i c = _mm512_loadu_si512(data + 128);
  __m512i d = _mm512_loadu_si512(data + 192);
  for (data += 256, size -= 256; size >= 256; data += 256, size -= 256) {
    a = fold_wide<Polynomial, 2048>(a, _mm512_loadu_si512(data));
    b = fold_wide<Polynomial, 2048>(b, _mm512_loadu_si512(data + 64));
    c = fold_wide<Polynomial, 2048>(c, _mm512_loadu_si512(data + 128));
    d = fold_wide<Polynomial, 2048>(d, _mm512_loadu_si512(data + 192));
  }
  b = fold_wide<Polynomial, 512>(a, b);
  c = fold_wide<Polynomial, 512>(b, c);
  d = fold_wide<Polynomial, 512>(c, d);
  std::byte rest[64];
  _mm512_storeu_si512(rest, d);
  return update_by_tables<Polynomial>(update_by_tables<Polynomial>(0, rest, 64), data, size);
}

#endif

/// The ways to compute a CRC, slowest first.
enum class crc_method : std::uint8_t { tables, clmul, wide_clmul };

[[nodiscard]] inline crc_method best_crc_method() noexcept {
  static const crc_method best = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq")) return crc_method::wide_clmul;
#endif
#ifdef S3PAGER_CLMUL_TARGET
    if (has_clmul()) return crc_method::clmul;
#endif
    return crc_method::tables;
  }();
  return best;
}

}  // namespace detail

/// A CRC in the making. Starts and ends inverted, as all three are defined. Copyable; copies go on by themselves.
template <class Polynomial>
class crc {
 public:
  using word = typename Polynomial::word;

  void update(std::span<const std::byte> bytes) noexcept { update(bytes, detail::best_crc_method()); }
  /// By a certain method, for tests and benchmarks; the processor must have it.
  void update(std::span<const std::byte> bytes, detail::crc_method how) noexcept {
#if defined(__x86_64__)
    if (how == detail::crc_method::wide_clmul && bytes.size() >= 256) {
      state_ = detail::update_by_wide_clmul<Polynomial>(state_, bytes.data(), bytes.size());
      return;
    }
#endif
#ifdef S3PAGER_CLMUL_TARGET
    if (how != detail::crc_method::tables && bytes.size() >= 64) {
      state_ = detail::update_by_clmul<Polynomial>(state_, bytes.data(), bytes.size());
      return;
    }
#endif
    static_cast<void>(how);  // where there is one way only
    state_ = detail::update_by_tables<Polynomial>(state_, bytes.data(), bytes.size());
  }

  [[nodiscard]] word value() const noexcept { return static_cast<word>(~state_); }

  /// The CRC of two messages one after the other, from theirs and the second one's length.
  [[nodiscard]] static word combine(word first, word second, std::uint64_t second_bytes) noexcept {
    // x^(8n) as a product, for 8n may not fit.
    const word shift = Polynomial::power_of_x(second_bytes);
    const word by_two = Polynomial::multiply(shift, shift);
    const word by_four = Polynomial::multiply(by_two, by_two);
    return static_cast<word>(Polynomial::multiply(first, Polynomial::multiply(by_four, by_four)) ^ second);
  }

 private:
  word state_ = static_cast<word>(~word{0});
};

using crc32_state = crc<crc32_polynomial>;
using crc32c_state = crc<crc32c_polynomial>;
using crc64nvme_state = crc<crc64nvme_polynomial>;

}  // namespace s3pager::checksum
