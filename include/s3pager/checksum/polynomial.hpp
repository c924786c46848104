// Arithmetic of polynomials over GF(2) modulo a CRC's, in its reflected form: what tables, folding and combining are made of.
// Knows no data.
#pragma once

#include <cstdint>

namespace s3pager::checksum {

/// The generator of a reflected CRC without its leading term: bit 0 is the coefficient of x^(Width-1).
template <class Word, Word Reflected>
struct polynomial {
  using word = Word;
  static constexpr unsigned width = sizeof(Word) * 8;
  static constexpr Word one = Word{1} << (width - 1);  ///< the polynomial 1

  /// p * x
  [[nodiscard]] static constexpr Word times_x(Word p) noexcept {
    return static_cast<Word>((p >> 1) ^ ((p & 1) != 0 ? Reflected : Word{0}));
  }

  [[nodiscard]] static constexpr Word multiply(Word a, Word b) noexcept {
    Word product = 0;
    for (Word bit = one; bit != 0; bit = static_cast<Word>(bit >> 1)) {
      if ((a & bit) != 0) product ^= b;
      b = times_x(b);
    }
    return product;
  }

  /// x^exponent
  [[nodiscard]] static constexpr Word power_of_x(std::uint64_t exponent) noexcept {
    Word result = one;
    for (Word square = one >> 1; exponent != 0; exponent >>= 1) {
      if ((exponent & 1) != 0) result = multiply(result, square);
      square = multiply(square, square);
    }
    return result;
  }
};

using crc32_polynomial = polynomial<std::uint32_t, 0xedb88320U>;              // IEEE 802.3, as zlib has it
using crc32c_polynomial = polynomial<std::uint32_t, 0x82f63b78U>;             // Castagnoli (RFC 3720)
using crc64nvme_polynomial = polynomial<std::uint64_t, 0x9a6c9329ac4bc9b5U>;  // NVM Express, 64-bit guard

}  // namespace s3pager::checksum
