#include "s3pager/checksum/crc.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace s3pager::checksum;
using s3pager::checksum::detail::crc_method;

template <class Crc>
typename Crc::word of(std::string_view text) {
  Crc made;
  made.update(as_byte_span(text));
  return made.value();
}

/// Straight from the definition, a bit at a time.
template <class Polynomial>
typename Polynomial::word by_definition(std::span<const std::byte> bytes) {
  auto state = static_cast<typename Polynomial::word>(~typename Polynomial::word{0});
  for (const std::byte byte : bytes) {
    state ^= std::to_integer<typename Polynomial::word>(byte);
    for (int bit = 0; bit < 8; ++bit) state = Polynomial::times_x(state);
  }
  return static_cast<typename Polynomial::word>(~state);
}

std::vector<std::byte> random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> made(size);
  for (std::byte& byte : made) byte = static_cast<std::byte>(random());
  return made;
}

std::vector<crc_method> usable_methods() {
  std::vector<crc_method> made{crc_method::tables};
  if (s3pager::checksum::detail::best_crc_method() >= crc_method::clmul) made.push_back(crc_method::clmul);
  if (s3pager::checksum::detail::best_crc_method() >= crc_method::wide_clmul) made.push_back(crc_method::wide_clmul);
  return made;
}

}  // namespace

TEST_CASE("the check values of the catalogue of CRCs hold") {
  CHECK(of<crc32_state>("123456789") == 0xcbf43926U);
  CHECK(of<crc32c_state>("123456789") == 0xe3069283U);
  CHECK(of<crc64nvme_state>("123456789") == 0xae8b14860a799888U);
  CHECK(of<crc32_state>("") == 0U);
  CHECK(of<crc32c_state>("") == 0U);
  CHECK(of<crc64nvme_state>("") == 0U);
}

TEST_CASE("the examples of RFC 3720 hold for CRC32C") {
  CHECK(of<crc32c_state>(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32)) == 0x8a9136aaU);
  const std::vector<std::byte> ones(32, std::byte{0xff});
  crc32c_state made;
  made.update(ones);
  CHECK(made.value() == 0x62a8ab43U);
}

TEMPLATE_TEST_CASE("every method agrees with the definition for every length and start", "", crc32_polynomial,
                   crc32c_polynomial, crc64nvme_polynomial) {
  const std::vector<std::byte> bytes = random_bytes(1400, 7);
  for (std::size_t start = 0; start < 3; ++start) {
    for (std::size_t size = 0; size + start < bytes.size(); size = size < 700 ? size + 1 : size + 61) {
      const std::span<const std::byte> piece(bytes.data() + start, size);
      const auto expected = by_definition<TestType>(piece);
      for (const crc_method how : usable_methods()) {
        crc<TestType> made;
        made.update(piece, how);
        if (made.value() != expected) FAIL("method " << static_cast<int>(how) << ", " << size << " bytes from " << start);
      }
    }
  }
  SUCCEED();
}

TEMPLATE_TEST_CASE("a message may come in pieces of any size", "", crc32_polynomial, crc32c_polynomial,
                   crc64nvme_polynomial) {
  const std::vector<std::byte> bytes = random_bytes(5000, 8);
  const auto expected = by_definition<TestType>(bytes);
  for (const std::size_t first : {0U, 1U, 15U, 16U, 63U, 64U, 65U, 255U, 256U, 257U, 1000U, 4999U, 5000U}) {
    crc<TestType> made;
    made.update({bytes.data(), first});
    made.update({bytes.data() + first, bytes.size() - first});
    CHECK(made.value() == expected);
  }
}

TEMPLATE_TEST_CASE("the CRCs of two messages combine to that of both", "", crc32_polynomial, crc32c_polynomial,
                   crc64nvme_polynomial) {
  const std::vector<std::byte> bytes = random_bytes(3000, 9);
  const std::span<const std::byte> all(bytes);
  for (const std::size_t cut : {0U, 1U, 7U, 100U, 1500U, 2999U, 3000U})
    CHECK(crc<TestType>::combine(by_definition<TestType>(all.first(cut)), by_definition<TestType>(all.subspan(cut)),
                                 bytes.size() - cut) == by_definition<TestType>(all));
}

TEST_CASE("a length of zeros of 2^40 combines as its halves do") {
  // Of zero bytes alone the CRC is known by halves: what a wrong exponent of a large length would break.
  const auto doubled = [](std::uint64_t half, std::uint64_t bytes) { return crc64nvme_state::combine(half, half, bytes); };
  std::uint64_t value = of<crc64nvme_state>(std::string_view("\0", 1));
  std::uint64_t bytes = 1;
  for (; bytes < (std::uint64_t{1} << 12); bytes *= 2) value = doubled(value, bytes);
  const std::vector<std::byte> zeros(4096);
  CHECK(value == by_definition<crc64nvme_polynomial>(zeros));
  for (; bytes < (std::uint64_t{1} << 40); bytes *= 2) value = doubled(value, bytes);
  // Associativity: (a+b)+c and a+(b+c) with lengths that only fit 64 bits.
  const std::uint64_t a = of<crc64nvme_state>("a");
  const std::uint64_t b = of<crc64nvme_state>("b");
  CHECK(crc64nvme_state::combine(crc64nvme_state::combine(a, value, bytes), b, 1) ==
        crc64nvme_state::combine(a, crc64nvme_state::combine(value, b, 1), bytes + 1));
}

// Says what each method does in a second. Not run by itself: whatever runs beside it counts.
TEMPLATE_TEST_CASE("the speed of every method", "[.][speed]", crc32_polynomial, crc32c_polynomial, crc64nvme_polynomial) {
  const std::vector<std::byte> bytes = random_bytes(1 << 20, 10);
  for (const crc_method how : usable_methods()) {
    crc<TestType> made;
    const int rounds = how == crc_method::tables ? 500 : 10'000;
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) made.update(bytes, how);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    static constexpr const char* names[] = {"tables", "clmul", "wide clmul"};
    std::printf("CRC by %llx, %s: %.1f GB/s\n", static_cast<unsigned long long>(TestType::times_x(1)), names[static_cast<int>(how)],
                rounds * 0x1p20 / 1e9 / took.count());
    CHECK(made.value() != 0);  // or nobody would have to compute it
  }
}
