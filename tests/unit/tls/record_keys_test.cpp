#include "s3pager/tls/record_keys.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using tls::record_header_bytes;
using tls::record_tag_bytes;

namespace {

std::vector<std::byte> from_hex(std::string_view text) {
  std::vector<std::byte> made;
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits += c;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    made.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return made;
}

std::span<const unsigned char> chars(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()};
}

// RFC 8448 3, the simple handshake.
constexpr std::string_view server_secret = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
constexpr std::string_view client_secret = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
constexpr std::string_view server_data =
    "17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f 82 aa 1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb "
    "50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d";
constexpr std::string_view client_data =
    "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a "
    "20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4";
constexpr std::string_view server_goodbye = "17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9";

void start(tls::record_keys& keys, std::string_view secret) {
  REQUIRE(keys.set(*tls::find_record_suite(0x1301), chars(from_hex(secret))));
}

bool open(tls::record_keys& keys, std::uint64_t sequence, std::span<const std::byte> record, std::vector<std::byte>& into) {
  into.assign(record.size() - record_header_bytes - record_tag_bytes, std::byte{0xaa});
  return keys.open(sequence, record.data(), record.subspan(record_header_bytes), {}, into.data());
}

}  // namespace

TEST_CASE("keys are expanded from a secret as in RFC 8448") {
  const auto expanded = [](std::string_view secret, std::string_view label, std::size_t size) {
    std::vector<std::byte> made(size);
    REQUIRE(tls::expand_label(::EVP_sha256(), chars(from_hex(secret)), label, {reinterpret_cast<unsigned char*>(made.data()), size}));
    return made;
  };
  CHECK(expanded(server_secret, "key", 16) == from_hex("9f 02 28 3b 6c 9c 07 ef c2 6b b9 f2 ac 92 e3 56"));
  CHECK(expanded(server_secret, "iv", 12) == from_hex("cf 78 2b 88 dd 83 54 9a ad f1 e9 84"));
  CHECK(expanded(client_secret, "key", 16) == from_hex("17 42 2d da 59 6e d5 d9 ac d8 90 e3 c6 3f 50 51"));
  CHECK(expanded(client_secret, "iv", 12) == from_hex("5b 78 92 3d ee 08 57 90 33 e5 23 d9"));
  // No more than a digest's bytes.
  std::array<unsigned char, 33> more{};
  CHECK_FALSE(tls::expand_label(::EVP_sha256(), chars(from_hex(server_secret)), "key", more));
}

TEST_CASE("the records of RFC 8448 are opened, and sealed to the same bytes") {
  tls::record_keys keys;
  CHECK_FALSE(keys);
  std::vector<std::byte> expected;
  for (int i = 0; i < 50; ++i) expected.push_back(static_cast<std::byte>(i));
  expected.push_back(std::byte{23});
  std::vector<std::byte> inner;

  start(keys, server_secret);
  CHECK(keys);
  // The ticket before it has number 0.
  REQUIRE(open(keys, 1, from_hex(server_data), inner));
  CHECK(inner == expected);
  REQUIRE(open(keys, 2, from_hex(server_goodbye), inner));
  CHECK(inner == from_hex("01 00 15"));

  // Other keys in place of the first.
  start(keys, client_secret);
  CHECK_FALSE(open(keys, 1, from_hex(server_data), inner));
  REQUIRE(open(keys, 0, from_hex(client_data), inner));
  CHECK(inner == expected);

  std::vector<std::byte> sealed = from_hex("17 03 03 00 43");
  sealed.insert(sealed.end(), expected.begin(), expected.end());
  sealed.resize(sealed.size() + record_tag_bytes);
  REQUIRE(keys.seal(0, sealed.data(), std::span(sealed).subspan(record_header_bytes)));
  CHECK(sealed == from_hex(client_data));
}

TEST_CASE("a record is opened in its very place, and no bit of it or of its number may be another") {
  const auto id = GENERATE(as<unsigned>{}, 0x1301, 0x1302, 0x1303);
  tls::record_keys keys;
  const std::vector<std::byte> secret(id == 0x1302 ? 48 : 32, std::byte{7});
  REQUIRE(keys.set(*tls::find_record_suite(id), chars(secret)));
  // A number that fills all its bytes.
  const std::uint64_t sequence = 0x0123456789abcdef;
  std::vector<std::byte> record = from_hex("17 03 03 00 20 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 17");
  const std::vector<std::byte> inner(record.begin() + record_header_bytes, record.end());
  record.resize(record.size() + record_tag_bytes);
  REQUIRE(keys.seal(sequence, record.data(), std::span(record).subspan(record_header_bytes)));
  std::vector<std::byte> out;
  REQUIRE(open(keys, sequence, record, out));
  CHECK(out == inner);
  for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::vector<std::byte> changed = record;
    changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    if (open(keys, sequence, changed, out)) FAIL("bit " << bit);
  }
  for (std::size_t bit = 0; bit < 64; ++bit)
    if (open(keys, sequence ^ (std::uint64_t{1} << bit), record, out)) FAIL("bit " << bit << " of its number");
  REQUIRE(keys.open(sequence, record.data(), std::span(record).subspan(record_header_bytes), {}, record.data() + record_header_bytes));
  CHECK(std::vector<std::byte>(record.begin() + record_header_bytes, record.begin() + record_header_bytes + 16) == inner);
}

TEST_CASE("a record in one part or two is opened at any distance before where it lies") {
  tls::record_keys keys;
  const auto id = GENERATE(as<unsigned>{}, 0x1301, 0x1302, 0x1303);
  const std::vector<std::byte> secret(id == 0x1302 ? 48 : 32, std::byte{7});
  REQUIRE(keys.set(*tls::find_record_suite(id), chars(secret)));
  const std::size_t size = GENERATE(as<std::size_t>{}, 1, 15, 16, 5000, 16385);
  std::vector<std::byte> record = from_hex("17 03 03 00 00");
  std::vector<std::byte> inner(size);
  for (std::size_t i = 0; i < size; ++i) inner[i] = static_cast<std::byte>(i * 7 >> 2);
  record.insert(record.end(), inner.begin(), inner.end());
  record.resize(record.size() + record_tag_bytes);
  REQUIRE(keys.seal(3, record.data(), std::span(record).subspan(record_header_bytes)));
  const std::span<const std::byte> body = std::span(record).subspan(record_header_bytes);
  const std::vector<std::size_t> cuts = {0, 1, 16, 100, size / 3, size - 1, size, size + 1, size + 15, size + 16};
  const std::vector<std::size_t> ways = {0, 1, 5, 100, 767, 3839, 3840, 3841, 5000, 8192, 16380, 16384, 16385, 16400, 16402, 17000};
  for (const std::size_t way : ways) {
    for (const std::size_t cut : cuts) {
      if (cut > body.size()) continue;
      // The rest lies behind what it is written before; what came earlier is elsewhere.
      std::vector<std::byte> memory(cut + way + body.size() - cut);
      std::copy(body.begin() + static_cast<std::ptrdiff_t>(cut), body.end(), memory.begin() + static_cast<std::ptrdiff_t>(cut + way));
      const std::span<const std::byte> rest = std::span<const std::byte>(memory).subspan(cut + way);
      if (!keys.open(3, record.data(), body.first(cut), rest, memory.data())) FAIL(way << " before, cut at " << cut);
      if (!std::equal(inner.begin(), inner.end(), memory.begin())) FAIL(way << " before, cut at " << cut << ", read");
    }
  }
}

TEST_CASE("three algorithms of TLS 1.3 are known") {
  CHECK(tls::find_record_suite(0x1301)->key_bytes == 16);
  CHECK(tls::find_record_suite(0x1302)->key_bytes == 32);
  CHECK(tls::find_record_suite(0x1303)->key_bytes == 32);
  CHECK(tls::find_record_suite(0x1304) == nullptr);  // CCM
  CHECK(tls::find_record_suite(0xc02b) == nullptr);  // of TLS 1.2
  CHECK(tls::find_record_suite(0x11301) == nullptr);
}

TEST_CASE("a secret is read from hexadecimal digits, whole or not at all") {
  tls::traffic_secret secret;
  CHECK(secret.empty());
  secret.assign_hex("00ffAb10");
  CHECK(std::vector<unsigned char>(secret.bytes().begin(), secret.bytes().end()) == std::vector<unsigned char>{0, 0xff, 0xab, 0x10});
  secret.wipe();
  CHECK(secret.empty());
  secret.assign_hex(std::string(96, 'a'));
  CHECK(secret.bytes().size() == 48);
  const std::string bad = GENERATE(as<std::string>{}, "", "0", "0g", "g0", "00 1", "0000x", std::string(98, 'a'));
  secret.assign_hex(bad);
  CHECK(secret.empty());
}
