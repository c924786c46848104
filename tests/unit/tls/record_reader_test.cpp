#include "s3pager/tls/record_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"
#include "support/record_forger.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::record_kind;
using tls::record_step;

namespace {

constexpr std::string_view secret = "01234567890123456789012345678901";
const tls::record_suite& suite = *tls::find_record_suite(0x1301);

struct setting {
  setting() {
    REQUIRE_FALSE(reader.started());
    REQUIRE(reader.start(suite, {reinterpret_cast<const unsigned char*>(secret.data()), secret.size()}));
    REQUIRE(reader.started());
  }
  record_forger forger{suite, secret};
  tls::record_reader reader;
};

std::string numbers(std::size_t size) {
  std::string made;
  for (std::size_t i = 0; made.size() < size; ++i) made += std::to_string(i) + ' ';
  made.resize(size);
  return made;
}

/// All data of `bytes`, fed in pieces into rooms of so many bytes, until something else comes.
struct outcome {
  std::string data = {};
  record_kind last = record_kind::none;
};
outcome read_all(tls::record_reader& reader, std::string_view bytes, std::size_t piece, std::size_t room_bytes) {
  outcome made;
  std::vector<std::byte> room(room_bytes);
  do {
    const auto now = as_byte_span(bytes.substr(0, piece));
    const std::vector<std::byte> alone(now.begin(), now.end());
    std::span<const std::byte> rest(alone);
    for (;;) {
      const record_step next = reader.next(rest, room);
      rest = rest.subspan(next.consumed);
      made.last = next.kind;
      made.data += as_chars(std::span(room).first(next.produced));
      if (next.kind == record_kind::none) break;
      if (next.kind != record_kind::data) return made;
    }
    if (!rest.empty()) FAIL("input was left");
    bytes.remove_prefix(alone.size());
  } while (!bytes.empty());
  return made;
}

/// The same where it was received, each piece behind a lead.
outcome read_over(tls::record_reader& reader, std::string_view bytes, std::size_t piece, std::size_t lead) {
  outcome made;
  do {
    const std::string_view now = bytes.substr(0, piece);
    std::vector<std::byte> memory(lead + now.size());
    std::memcpy(memory.data() + lead, now.data(), now.size());
    std::size_t consumed = lead;
    std::size_t produced = 0;
    for (;;) {
      const record_step next = reader.next(std::span<const std::byte>(memory).subspan(consumed), std::span(memory).subspan(produced));
      consumed += next.consumed;
      produced += next.produced;
      made.last = next.kind;
      if (produced > consumed) FAIL("more than came");
      if (next.kind != record_kind::data) break;
    }
    made.data += as_chars(std::span(memory).first(produced));
    if (made.last != record_kind::none) return made;
    if (consumed != memory.size()) FAIL("input was left");
    bytes.remove_prefix(now.size());
  } while (!bytes.empty());
  return made;
}

}  // namespace

TEST_CASE("content of all sizes comes out as it went in, cut at every byte, with and without padding") {
  const std::size_t padding = GENERATE(as<std::size_t>{}, 0, 1, 200);
  const std::size_t size = GENERATE(as<std::size_t>{}, 1, 2, 100);
  setting on;
  const std::string text = numbers(size);
  const bool over = GENERATE(false, true);
  const auto part = [&](std::string_view of) { return over ? read_over(on.reader, of, 1000, 300) : read_all(on.reader, of, 1000, 300); };
  for (std::size_t at = 0, whole = 1; at <= whole; ++at) {
    std::string bytes = on.forger.record(23, text, padding);
    const std::size_t first_size = bytes.size();
    bytes += on.forger.record(23, "next");
    whole = bytes.size();
    const outcome first = part(std::string_view(bytes).substr(0, at));
    const outcome second = part(std::string_view(bytes).substr(at));
    if (first.data + second.data != text + "next") FAIL("cut at " << at);
    if (first.last != record_kind::none || second.last != record_kind::none) FAIL("cut at " << at);
    // Not a byte before its record is whole.
    if (first.data != (at == whole ? text + "next" : at >= first_size ? text : "")) FAIL("early or late at " << at);
  }
}

TEST_CASE("the longest records are joined and opened in rooms of any size, and over what was received") {
  setting on;
  std::string bytes;
  std::string text;
  for (const int size : {16384, 16384, 1, 16384, 16383, 3000, 16384, 16384}) {
    const std::string one = numbers(static_cast<std::size_t>(size));
    // Padded to the longest that a record may be, or not.
    bytes += on.forger.record(23, one, size == 3000 ? 16640 - 16 - 1 - 3000 : size == 16383 ? 17 : 0);
    text += one;
  }
  const std::size_t piece = GENERATE(as<std::size_t>{}, 100, 1448, 16404, 16405, 16406, 16407, 40'000, 1'000'000);
  // Of 0: over what was received.
  const std::size_t room = GENERATE(as<std::size_t>{}, 0, 1, 1000, 16384, 16385, 65536);
  const outcome got = room == 0 ? read_over(on.reader, bytes, piece, tls::max_record_content) : read_all(on.reader, bytes, piece, room);
  CHECK((got.data == text));
  CHECK(got.last == record_kind::none);
}

TEST_CASE("what has no room waits, and input is left until it is taken") {
  setting on;
  const std::string first = on.forger.record(23, "hello");
  const std::string bytes = first + on.forger.record(23, "world");
  std::vector<std::byte> room(3);
  record_step next = on.reader.next(as_byte_span(bytes), {});
  CHECK(next.kind == record_kind::data);
  CHECK(next.consumed == first.size());
  CHECK(next.produced == 0);
  CHECK(on.reader.waiting());
  next = on.reader.next(as_byte_span(bytes).subspan(first.size()), room);
  CHECK(next.consumed == 0);
  CHECK(as_chars(std::span(room).first(next.produced)) == "hel");
  next = on.reader.next(as_byte_span(bytes).subspan(first.size()), room);
  CHECK(as_chars(std::span(room).first(next.produced)) == "lo");
  CHECK_FALSE(on.reader.waiting());
  const outcome rest = read_all(on.reader, std::string_view(bytes).substr(first.size()), 7, 3);
  CHECK(rest.data == "world");
}

TEST_CASE("what is not data is sealed again, with the next number of who reads only that") {
  setting on;
  struct wish {
    unsigned char type;
    std::string text;
    std::size_t padding;
  };
  const wish wishes[] = {{22, "a ticket", 0}, {21, "\x01", 3}, {23, "", 0}, {23, "", 10}, {0, "", 0}, {99, "unknown", 0},
                         {22, std::string(16384, 'x'), 0}, {23, std::string(16385, 'x'), 0}, {23, std::string(16623, 'x'), 0}};
  const std::size_t piece = GENERATE(as<std::size_t>{}, 3, 100'000);
  const bool over = GENERATE(false, true);
  record_forger other{suite, secret};
  for (const wish& one : wishes) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{16384}}) {
      std::string bytes = on.forger.record(23, std::string(size, 'd'));
      bytes += on.forger.record(one.type, one.text, one.padding);
      const outcome got = over ? read_over(on.reader, bytes, piece, tls::max_record_content) : read_all(on.reader, bytes, piece, 20'000);
      CHECK((got.data == std::string(size, 'd')));
      REQUIRE(got.last == record_kind::other);
      CHECK((as_chars(on.reader.resealed()) == other.record(one.type, one.text, one.padding)));
    }
  }
  CHECK((as_chars(on.reader.data_token()) == other.record(23, std::string_view("", 1))));
  // Whoever counts so goes on from there, whatever data comes.
  CHECK(read_all(on.reader, on.forger.record(22, "last"), piece, 100).last == record_kind::other);
  CHECK((as_chars(on.reader.resealed()) == other.record(22, "last")));
}

TEST_CASE("other keys begin with number 0 in both counts") {
  setting on;
  record_forger other{suite, secret};
  std::string bytes = on.forger.record(23, "data");
  bytes += on.forger.record(22, "update");
  CHECK(read_all(on.reader, bytes, 1000, 100).last == record_kind::other);
  CHECK(as_chars(on.reader.resealed()) == other.record(22, "update"));
  on.forger.update();
  other.update();
  REQUIRE(on.reader.start(suite, on.forger.secret()));
  bytes = on.forger.record(23, "more");
  bytes += on.forger.record(22, "update");
  const outcome got = read_all(on.reader, bytes, 1000, 100);
  CHECK(got.data == "more");
  CHECK(as_chars(on.reader.resealed()) == other.record(22, "update"));
}

TEST_CASE("a header that no record of data has is refused as soon as it is there") {
  const auto five = [](const char* bytes) { return std::string(bytes, 5); };
  const std::string header =
      GENERATE_COPY(five("\x17\x03\x01\x00\x20"), five("\x17\x02\x03\x00\x20"), five("\x16\x03\x03\x00\x20"), five("\x15\x03\x03\x00\x02"),
                    five("\x14\x03\x03\x00\x01"), five("\x00\x00\x00\x00\x00"), five("\x17\x03\x03\x41\x01"), five("\x17\x03\x03\xff\xff"),
                    five("HTTP/"));
  const std::size_t piece = GENERATE(as<std::size_t>{}, 1, 4, 1000);
  setting on;
  const outcome got = read_all(on.reader, on.forger.record(23, "good") + header, piece, 100);
  CHECK(got.data == "good");
  CHECK(got.last == record_kind::bad_header);
  CHECK(as_chars(on.reader.refused_header()) == header);
}

TEST_CASE("nothing of a record is left where its tag does not hold, and one too short for a tag has none") {
  setting on;
  const std::string good = on.forger.record(23, "good");
  std::string bad = on.forger.record(23, "secret secret");
  // Up to 34: that byte is another; then repeated, left out, and of so few bytes.
  const std::size_t how = GENERATE(as<std::size_t>{}, 5, 10, 17, 18, 19, 20, 34, 100, 101, 200, 201, 215, 216);
  if (how <= 34) bad[how] = static_cast<char>(bad[how] ^ 0x10);
  if (how == 100) bad = good;
  if (how == 101) bad = on.forger.record(23, "another");
  if (how >= 200) bad = std::string("\x17\x03\x03\x00", 4) + static_cast<char>(how - 200) + std::string(how - 200, 'x');
  const std::size_t piece = GENERATE(as<std::size_t>{}, 1, 1000);
  const bool over = GENERATE(false, true);
  const outcome got = over ? read_over(on.reader, good + bad, piece, 100) : read_all(on.reader, good + bad, piece, 100);
  CHECK(got.data == "good");
  CHECK(got.last == record_kind::bad_tag);
}

TEST_CASE("a room is wiped of what was decrypted without a tag that holds") {
  setting on;
  std::string bad = on.forger.record(23, "secret secret");
  bad.back() = static_cast<char>(bad.back() ^ 1);
  std::vector<std::byte> room(100, std::byte{'.'});
  CHECK(on.reader.next(as_byte_span(bad), room).kind == record_kind::bad_tag);
  CHECK(as_chars(room).substr(0, 14) == std::string(14, '\0'));
  CHECK(as_chars(room).substr(14) == std::string(86, '.'));
}
