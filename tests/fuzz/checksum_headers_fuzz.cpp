// Any bytes as the value of a header `x-amz-checksum-*`: nothing, or a claim that is written as exactly these bytes. And any bytes as
// a body cut in two: its checksum is that of the whole, and is read as it is written.
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/checksum/digest.hpp"
#include "s3pager/checksum/hasher.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

std::string written(const checksum::claim& what) {
  unsigned char text[64];
  const int size = ::EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(what.value.bytes.data()), what.value.size);
  std::string made(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  if (what.composite()) made += '-' + std::to_string(what.parts);
  return made;
}

checksum::digest digest_of(checksum::algorithm of, std::span<const std::byte> bytes, std::size_t cut) {
  checksum::hasher made;
  made.begin(of);
  made.update(bytes.first(cut));
  made.update(bytes.subspan(cut));
  return made.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const checksum::algorithm of = checksum::algorithms[data[0] % checksum::algorithms.size()];
  // A copy of its own, so that a sanitizer sees each byte too many.
  const std::vector<char> copy(data + 2, data + size);
  const std::string_view text(copy.data(), copy.size());
  if (const auto claim = checksum::parse_claim(of, text)) {
    must(claim->algorithm == of && claim->value.size == checksum::digest_bytes(of) && claim->parts <= 10'000);
    must(written(*claim) == text);
  }

  const auto bytes = std::as_bytes(std::span(copy));
  const std::size_t cut = bytes.empty() ? 0 : data[1] % (bytes.size() + 1);
  const checksum::digest whole = digest_of(of, bytes, 0);
  must(digest_of(of, bytes, cut) == whole);
  const checksum::claim made{.algorithm = of, .value = whole};
  must(checksum::parse_claim(of, written(made)) == made);
  if (checksum::combinable(of)) {
    const auto second = bytes.subspan(cut);
    must(checksum::combine(of, digest_of(of, bytes.first(cut), 0), digest_of(of, second, 0), second.size()) == whole);
  }
  return 0;
}
