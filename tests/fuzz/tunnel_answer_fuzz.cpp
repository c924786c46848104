// Any bytes as a proxy's answer to CONNECT: a tunnel, a refusal, or a wait for more, the same however the bytes are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <system_error>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/net/handshake.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

struct meaning {
  bool open = false;
  std::error_code refused = {};
  int status = 0;
  bool operator==(const meaning&) const = default;
};

/// In pieces of `piece` bytes, each alone in memory.
meaning fed(std::span<const std::byte> bytes, std::size_t piece) {
  net::tunnel_answer answer;
  meaning made;
  try {
    while (!bytes.empty() && !made.open) {
      const auto now = bytes.first(std::min(piece, bytes.size()));
      const std::vector<std::byte> alone(now.begin(), now.end());
      bytes = bytes.subspan(now.size());
      made.open = answer.feed(alone);
    }
    // Whatever follows would be the tunnel's, in place of whom it leads to.
    if (made.open && !bytes.empty()) made = {.refused = make_error_code(errc::protocol_violation)};
    if (!made.open && !made.refused) made.refused = answer.on_eof().code();
  } catch (const error& failed) {
    must(failed.details().message.starts_with("the proxy"));
    must(failed.details().message.size() < 200);
    made = {.refused = failed.code(), .status = failed.http_status()};
  }
  must(made.open != static_cast<bool>(made.refused));
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  must(fed(bytes, data[0] + std::size_t{1}) == fed(bytes, size));
  return 0;
}
