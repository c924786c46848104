#include "s3pager/aws/sha256.hpp"

#include <algorithm>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::aws;

namespace {

std::string hex(const sha256_digest& digest) {
  std::string out(2 * digest.size(), '\0');
  write_hex(digest, out.data());
  return out;
}

std::string openssl_hex(std::string_view text) {
  sha256_digest digest;
  unsigned size = 0;
  REQUIRE(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  REQUIRE(size == digest.size());
  return hex(digest);
}

std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples") {
  CHECK(hex(sha256_of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(sha256_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                      "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")) ==
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(hex(sha256_of(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 agrees with OpenSSL on random inputs of every length up to 300") {
  std::mt19937_64 random(1);
  for (std::size_t size = 0; size <= 300; ++size) {
    for (int i = 0; i < 10; ++i) {
      const std::string text = random_bytes(random, size);
      REQUIRE(hex(sha256_of(text)) == openssl_hex(text));
    }
  }
}

TEST_CASE("SHA-256 does not depend on how its input is cut into pieces") {
  std::mt19937_64 random(2);
  const std::string text = random_bytes(random, 200);
  const std::string expected = openssl_hex(text);
  for (std::size_t a = 0; a <= text.size(); ++a) {
    for (std::size_t b = a; b <= text.size(); b += 7) {
      sha256 digest;
      digest.update(std::string_view(text).substr(0, a));
      digest.update(std::string_view(text).substr(a, b - a));
      digest.update(std::string_view(text).substr(b));
      REQUIRE(hex(digest.finish()) == expected);
    }
  }
}

TEST_CASE("a copy of a SHA-256 goes on from where it was taken and leaves the original alone") {
  std::mt19937_64 random(3);
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 63, 64, 65, 100, 128}) {
    const std::string start = random_bytes(random, size);
    sha256 original;
    original.update(start);
    sha256 copy = original;
    copy.update("one end");
    CHECK(hex(copy.finish()) == openssl_hex(start + "one end"));
    original.update("another");
    CHECK(hex(original.finish()) == openssl_hex(start + "another"));
  }
}

TEST_CASE("the portable SHA-256 and the one with the SHA extensions compress alike") {
#if defined(__x86_64__)
  if (!aws::detail::sha256_has_extensions()) {
    WARN("not checked: this processor has no SHA extensions");
    return;
  }
  std::mt19937_64 random(4);
  for (std::size_t blocks = 0; blocks < 20; ++blocks) {
    for (int i = 0; i < 50; ++i) {
      const std::string data = random_bytes(random, 64 * blocks + 1);
      // One byte in: neither may count on aligned input.
      const auto* bytes = reinterpret_cast<const unsigned char*>(data.data()) + 1;
      aws::detail::sha256_state portable;
      std::generate(portable.begin(), portable.end(), [&] { return static_cast<std::uint32_t>(random()); });
      aws::detail::sha256_state extended = portable;
      aws::detail::sha256_blocks_portable(portable, bytes, blocks);
      aws::detail::sha256_blocks_extensions(extended, bytes, blocks);
      REQUIRE(portable == extended);
    }
  }
#else
  WARN("not checked: only x86-64 has two implementations");
#endif
}
