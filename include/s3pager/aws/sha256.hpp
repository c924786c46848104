// SHA-256 (FIPS 180-4) as a small value that can be copied in the middle of a message. Knows nothing of signatures.
// It exists because a signature is three short digests from cached midstates: through EVP on OpenSSL 3 those cost more
// in fetching, allocating and copying contexts than in hashing.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace s3pager::aws {

namespace detail {

alignas(16) inline constexpr std::uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using sha256_state = std::array<std::uint32_t, 8>;

/// Compresses `count` blocks of 64 bytes. Any processor.
inline void sha256_blocks_portable(sha256_state& state, const unsigned char* data, std::size_t count) noexcept {
  for (; count != 0; --count, data += 64) {
    std::uint32_t w[64];
    for (std::size_t i = 0; i < 16; ++i)
      w[i] = std::uint32_t{data[4 * i]} << 24 | std::uint32_t{data[4 * i + 1]} << 16 |
             std::uint32_t{data[4 * i + 2]} << 8 | std::uint32_t{data[4 * i + 3]};
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                               sha256_constants[i] + w[i];
      const std::uint32_t t2 =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const sha256_state add{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state[i] += add[i];
  }
}

#if defined(__x86_64__)

/// Four rounds, and the four schedule words that group Group owes to the ones after it.
template <int Group>
__attribute__((target("sha,sse4.1"), always_inline)) inline void sha256_four_rounds(__m128i& abef, __m128i& cdgh,
                                                                                   __m128i (&m)[4]) noexcept {
  const __m128i k = _mm_load_si128(reinterpret_cast<const __m128i*>(sha256_constants) + Group);
  const __m128i words = _mm_add_epi32(m[Group % 4], k);
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
  if constexpr (Group >= 3 && Group <= 14) {
    const __m128i w7 = _mm_alignr_epi8(m[Group % 4], m[(Group + 3) % 4], 4);
    m[(Group + 1) % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(m[(Group + 1) % 4], w7), m[Group % 4]);
  }
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
  if constexpr (Group >= 1 && Group <= 12) m[(Group + 3) % 4] = _mm_sha256msg1_epu32(m[(Group + 3) % 4], m[Group % 4]);
}

/// Compresses `count` blocks of 64 bytes with the SHA extensions; only where sha256_has_extensions() says so.
__attribute__((target("sha,sse4.1"))) inline void sha256_blocks_extensions(sha256_state& state,
                                                                           const unsigned char* data,
                                                                           std::size_t count) noexcept {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  // The instructions want the state as {A,B,E,F} and {C,D,G,H}.
  __m128i* const words = reinterpret_cast<__m128i*>(state.data());
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; count != 0; --count, data += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    const __m128i* const in = reinterpret_cast<const __m128i*>(data);
    __m128i m[4] = {_mm_shuffle_epi8(_mm_loadu_si128(in), big_endian),
                    _mm_shuffle_epi8(_mm_loadu_si128(in + 1), big_endian),
                    _mm_shuffle_epi8(_mm_loadu_si128(in + 2), big_endian),
                    _mm_shuffle_epi8(_mm_loadu_si128(in + 3), big_endian)};
    sha256_four_rounds<0>(abef, cdgh, m);
    sha256_four_rounds<1>(abef, cdgh, m);
    sha256_four_rounds<2>(abef, cdgh, m);
    sha256_four_rounds<3>(abef, cdgh, m);
    sha256_four_rounds<4>(abef, cdgh, m);
    sha256_four_rounds<5>(abef, cdgh, m);
    sha256_four_rounds<6>(abef, cdgh, m);
    sha256_four_rounds<7>(abef, cdgh, m);
    sha256_four_rounds<8>(abef, cdgh, m);
    sha256_four_rounds<9>(abef, cdgh, m);
    sha256_four_rounds<10>(abef, cdgh, m);
    sha256_four_rounds<11>(abef, cdgh, m);
    sha256_four_rounds<12>(abef, cdgh, m);
    sha256_four_rounds<13>(abef, cdgh, m);
    sha256_four_rounds<14>(abef, cdgh, m);
    sha256_four_rounds<15>(abef, cdgh, m);
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

// cpuid itself, for __builtin_cpu_supports does not know "sha" on every compiler that is supported.
[[nodiscard]] inline bool sha256_has_extensions() noexcept {
  static const bool has = [] {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1u << 29)) != 0;
  }();
  return has;
}

#endif

inline void sha256_blocks(sha256_state& state, const unsigned char* data, std::size_t count) noexcept {
#if defined(__x86_64__)
  if (sha256_has_extensions()) return sha256_blocks_extensions(state, data, count);
#endif
  sha256_blocks_portable(state, data, count);
}

}  // namespace detail

using sha256_digest = std::array<unsigned char, 32>;

/// A digest in the making. A copy goes on from the same point, which is how a midstate is kept. Holds no memory and
/// does not wipe itself: who feeds it a secret cleanses it.
class sha256 {
 public:
  sha256() noexcept = default;

  void update(const void* data, std::size_t size) noexcept {
    if (size == 0) return;
    const auto* in = static_cast<const unsigned char*>(data);
    const std::size_t held = size_ % 64;
    size_ += size;
    if (held != 0) {
      const std::size_t taken = std::min(size, 64 - held);
      std::memcpy(block_.data() + held, in, taken);
      if (held + taken < 64) return;
      detail::sha256_blocks(state_, block_.data(), 1);
      in += taken;
      size -= taken;
    }
    if (size >= 64) detail::sha256_blocks(state_, in, size / 64);
    if (size % 64 != 0) std::memcpy(block_.data(), in + (size & ~std::size_t{63}), size % 64);
  }
  void update(std::string_view text) noexcept { update(text.data(), text.size()); }

  /// The digest of all that was given. The object is spent: assign a new one before it is used again.
  [[nodiscard]] sha256_digest finish() noexcept { return finish<0>({}); }

  /// The same, with `last` behind it, 128 bytes at most: what is short is compressed in one go with the end.
  template <std::size_t Size>
    requires(Size <= 128)
  [[nodiscard]] sha256_digest finish(std::span<const unsigned char, Size> last) noexcept {
    unsigned char tail[64 + Size + padding];
    const std::size_t held = size_ % 64;
    std::memcpy(tail, block_.data(), held);
    if constexpr (Size > 0) std::memcpy(tail + held, last.data(), Size);
    size_ += Size;
    return finish_padded(tail, held + Size);
  }

  /// The digest of `size` bytes that lie where there is room for `padding` more behind them, which is used.
  [[nodiscard]] static sha256_digest of(unsigned char* message, std::size_t size) noexcept {
    sha256 digest;
    digest.size_ = size;
    return digest.finish_padded(message, size);
  }
  static constexpr std::size_t padding = 72;  ///< the mark, zeros up to a block's end, and the length in bits

 private:
  // Written out so that compilers see one swap and one store in it.
  static void store_big_endian(std::uint64_t value, unsigned char* out) noexcept {
    const unsigned char bytes[8] = {
        static_cast<unsigned char>(value >> 56), static_cast<unsigned char>(value >> 48),
        static_cast<unsigned char>(value >> 40), static_cast<unsigned char>(value >> 32),
        static_cast<unsigned char>(value >> 24), static_cast<unsigned char>(value >> 16),
        static_cast<unsigned char>(value >> 8),  static_cast<unsigned char>(value)};
    std::memcpy(out, bytes, sizeof bytes);
  }

  /// Of which `rest` is what has not been compressed yet.
  [[nodiscard]] sha256_digest finish_padded(unsigned char* rest, std::size_t size) noexcept {
    const std::size_t blocks = (size + 9 + 63) / 64;
    rest[size] = 0x80;
    std::memset(rest + size + 1, 0, blocks * 64 - size - 9);
    store_big_endian(size_ * 8, rest + blocks * 64 - 8);
    detail::sha256_blocks(state_, rest, blocks);
    sha256_digest out;
    for (std::size_t i = 0; i < 4; ++i)
      store_big_endian(std::uint64_t{state_[2 * i]} << 32 | state_[2 * i + 1], out.data() + 8 * i);
    return out;
  }

  detail::sha256_state state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::uint64_t size_ = 0;
  std::array<unsigned char, 64> block_;
};

[[nodiscard]] inline sha256_digest sha256_of(std::string_view text) noexcept {
  sha256 digest;
  digest.update(text);
  return digest.finish();
}

}  // namespace s3pager::aws
