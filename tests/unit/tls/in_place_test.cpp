#include "s3pager/tls/in_place.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;

namespace {

constexpr std::string_view host = "bucket.example";

tls_server_options only(std::string_view version) {
  const int number = version == "TLSv1.3" ? TLS1_3_VERSION : TLS1_2_VERSION;
  return {.min_version = number, .max_version = number};
}

/// The bytes in pieces as `size` has them, each received behind its lead into memory of its own, which ends with it.
template <class Size>
tls_transcript open_pieces(tls::engine& client, std::string_view bytes, Size size) {
  tls_transcript made;
  while (!bytes.empty() && made.end == step_kind::need_input) {
    const std::string_view piece = bytes.substr(0, size());
    std::vector<std::byte> memory(tls::record_lead + piece.size());
    std::memcpy(memory.data() + tls::record_lead, piece.data(), piece.size());
    const tls::step step = tls::read_in_place(client, memory);
    made.text += as_chars(std::span<const std::byte>(memory).first(step.produced));
    made.end = step.kind;
    made.error = step.error;
    CHECK(step.consumed <= piece.size());
    if (step.kind == step_kind::need_input) CHECK(step.consumed == piece.size());
    CHECK_FALSE(client.plaintext_waiting());
    bytes.remove_prefix(piece.size());
  }
  return made;
}

struct pair {
  explicit pair(std::string_view version) : world({}, only(version)), client(world.client_context(), host), server(world.server_context) {
    REQUIRE(shake_hands(client, server).kind == step_kind::done);
  }
  tls_world world;
  tls::engine client;
  tls_server server;
};

std::string numbers(std::size_t size) {
  std::string made;
  for (std::uint32_t i = 0; made.size() < size; ++i) made += std::to_string(i) + ',';
  made.resize(size);
  return made;
}

}  // namespace

TEST_CASE("the first record may lack only a byte, and give all of its plaintext for it") {
  pair on(GENERATE("TLSv1.2", "TLSv1.3"));
  const std::string text = numbers(tls::record_lead);
  std::string bytes = on.server.write_and_take(text);
  REQUIRE(bytes.size() > text.size());
  std::size_t next = bytes.size() - 1;
  const tls_transcript got = open_pieces(on.client, bytes, [&next] { return std::exchange(next, 1); });
  CHECK((got == tls_transcript{.text = text}));
}

TEST_CASE("records of all sizes come out as they went in, however they are cut", "[long]") {
  pair on(GENERATE("TLSv1.2", "TLSv1.3"));
  std::minstd_rand random(GENERATE(1U, 2U, 3U, 4U));
  for (int round = 0; round < 20; ++round) {
    std::string bytes;
    const std::string text = numbers(random() % 300'000 + 1);
    for (std::size_t at = 0; at < text.size();) {
      // OpenSSL cuts what is longer than a record.
      const std::size_t size = std::min<std::size_t>(random() % 5 == 0 ? random() % 50'000 + 1 : random() % 3000 + 1, text.size() - at);
      bytes += on.server.write_and_take(std::string_view(text).substr(at, size));
      at += size;
    }
    const std::size_t most = round % 2 == 0 ? 70'000 : 700;
    const tls_transcript got = open_pieces(on.client, bytes, [&] { return random() % most + 1; });
    CHECK(got.error == std::error_code());
    CHECK((got.text == text));
  }
}

TEST_CASE("a goodbye ends what is opened in place, and what was changed breaks it behind the good records") {
  pair on(GENERATE("TLSv1.2", "TLSv1.3"));
  const std::string good = on.server.write_and_take(numbers(20'000));
  SECTION("end") {
    on.server.close();
    const tls_transcript got = open_pieces(on.client, good + on.server.take(), [] { return std::size_t{1} << 20; });
    CHECK((got == tls_transcript{.text = numbers(20'000), .end = step_kind::end}));
  }
  SECTION("broken") {
    std::string bad = on.server.write_and_take("never seen");
    bad.back() ^= 1;
    const tls_transcript got = open_pieces(on.client, good + bad, [] { return std::size_t{1} << 20; });
    CHECK((got == tls_transcript{.text = numbers(20'000), .end = step_kind::error, .error = tls::tls_error::bad_record}));
  }
}

TEST_CASE("what plaintext takes on the wire is no less than its records take, up to the largest number") {
  pair on(GENERATE("TLSv1.2", "TLSv1.3"));
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{100'000}, std::size_t{1'000'000}})
    CHECK(on.server.write_and_take(numbers(size)).size() <= tls::wire_size(size));
  CHECK(tls::wire_size(0) == 64);
  CHECK(tls::wire_size(12'800) == 12'964);
  CHECK(tls::wire_size(~std::uint64_t{0}) == ~std::uint64_t{0});
}
