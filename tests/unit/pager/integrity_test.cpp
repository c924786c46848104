// What is made of the checksums that come with answers: on objects that come whole, in slices, or broken.
#include "s3pager/pager/integrity.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/scripted_read.hpp"
#include "support/scripted_server.hpp"

using namespace s3pager;
using namespace s3pager::pager;
using test::scripted_answer;
using outcome = test::scripted_outcome;

namespace {

// Of "hello" and of "jello", by other programs.
constexpr std::string_view crc32_of_hello = "NhCmhg==";
constexpr std::string_view sha1_of_hello = "qvTGHdzF6KLavt4PO0gs2a6pQ00=";

std::string answer(std::string_view headers, std::string_view body, std::string_view status = "200 OK") {
  std::string made("HTTP/1.1 ");
  made.append(status).append("\r\nETag: \"1\"\r\n").append(headers);
  made.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return made;
}
std::string crc32_field(std::string_view value = crc32_of_hello) {
  return "x-amz-checksum-crc32: " + std::string(value) + "\r\n";
}

struct how {
  verify mode = verify::as_it_arrives;
  std::optional<std::uint64_t> size = 5;
  std::uint32_t attempts = 3;
};

outcome read(std::vector<std::vector<scripted_answer>> answers, how with = {}) {
  const test::scripted_start named = [](client& s3) { return s3.get({.bucket = "bucket", .key = "k"}); };
  return test::read_scripted(std::move(answers), with.size ? test::as_listed(*with.size, "\"1\"") : named, with.mode, with.attempts);
}

slice_check check_of(std::string_view bytes, const s3::checksum_claims& said, bool complete = false, int status = 206,
                     std::string_view etag = "\"1-2\"") {
  slice_check made;
  made.begin(said, complete, status, etag);
  made.update(as_byte_span(bytes));
  made.finish();
  return made;
}
s3::checksum_claims claims(std::string_view bytes, bool full_object = false) {
  checksum::hasher of;
  of.begin(checksum::algorithm::crc32c);
  of.update(as_byte_span(bytes));
  return {.claim = checksum::claim{checksum::algorithm::crc32c, of.finish()}, .full_object = full_object};
}
template <class... Slices>
verdict of_slices(const Slices&... each) {
  object_check made;
  (made.add(each, 3), ...);
  return made.conclude();
}

}  // namespace

TEST_CASE("a whole object is held against the checksum that comes with it", "[pager][integrity]") {
  const outcome out = read({{{{answer(crc32_field(), "hello")}}}});
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
  CHECK(out.last == verification::crc32);
  CHECK(out.total.verified == 1);
  CHECK(describe(*out.last) == "verified by CRC32");
  REQUIRE(out.requests.size() == 1);
  CHECK(out.requests[0].find("\r\nx-amz-checksum-mode: ENABLED\r\n") != std::string::npos);
}

TEST_CASE("an object whose size is not known before the first answer is verified as well", "[pager][integrity]") {
  // Without a Range, with which Amazon S3 gives none.
  const outcome plain = read({{{{answer(crc32_field(), "hello")}}}}, {.size = {}});
  CHECK(plain.last == verification::crc32);
  CHECK(plain.requests.at(0).find("\r\nrange:") == std::string::npos);
  const std::string chunked = "HTTP/1.1 200 OK\r\n" + crc32_field() + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
  CHECK(read({{{{chunked}}}}, {.size = {}}).last == verification::crc32);
}

TEST_CASE("nothing fails because a checksum is not there, or is none of the bytes", "[pager][integrity]") {
  CHECK(read({{{{answer("", "hello")}}}}).last == verification::none_given);
  CHECK(read({{{{answer(crc32_field("AAAAAA==-3"), "hello")}}}}).last == verification::composite);
  CHECK(read({{{{answer("x-amz-checksum-crc32: ?\r\n", "hello")}}}}).last == verification::none_given);
  CHECK(read({{{{answer("x-amz-checksum-sha1: " + std::string(sha1_of_hello) + "\r\n", "hello")}}}}).last == verification::sha1);
  const outcome off = read({{{{answer(crc32_field(), "jello")}}}}, {.mode = verify::off});
  CHECK(off.body == "jello");
  CHECK(off.last == verification::off);
  CHECK(off.total.verified == 0);
  CHECK(off.requests.at(0).find("checksum") == std::string::npos);
}

TEST_CASE("an object of which nothing was handed on is fetched again, once, if its checksum does not hold", "[pager][integrity]") {
  const outcome mended = read({{{{answer(crc32_field(), "jello")}}}, {{{answer(crc32_field(), "hello")}}}});
  CHECK_FALSE(mended.failure);
  CHECK(mended.body == "hello");
  CHECK(mended.last == verification::crc32);
  CHECK(mended.requests.size() == 2);

  const outcome broken = read({{{{answer(crc32_field(), "jello")}}}, {{{answer(crc32_field(), "jello")}}}}, {.attempts = 5});
  REQUIRE(broken.failure);
  CHECK(broken.failure->code() == errc::corrupted);
  CHECK(broken.failure->attempts() == 2);
  CHECK(broken.failure->details().message ==
        "the checksum that the service keeps of the object does not hold: x-amz-checksum-crc32 of what was received is TND15g==, the "
        "service's is NhCmhg==");
  CHECK(broken.failure->details().given_up == "a second answer was corrupted as well");
  CHECK(broken.failure->key() == "k");
  CHECK(broken.body.empty());
  CHECK(broken.requests.size() == 2);

  const outcome once = read({{{{answer(crc32_field(), "jello")}}}}, {.attempts = 1});
  REQUIRE(once.failure);
  CHECK(once.failure->code() == errc::corrupted);
  CHECK(once.requests.size() == 1);
}

TEST_CASE("the last page is withheld until the checksum holds, and where it does not its failure stands in its place",
          "[pager][integrity]") {
  const std::string whole = answer(crc32_field(), "jello");
  const outcome out = read({{{{whole.substr(0, whole.size() - 2), "lo"}}}});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::corrupted);
  CHECK(out.body == "jel");
  CHECK(out.first == verification::pending);
  CHECK_FALSE(out.last);
  CHECK(out.requests.size() == 1);  // what somebody has seen is not fetched again
  CHECK(out.failure->details().given_up == "some of the object was handed on");
}

TEST_CASE("before_delivery holds back all of an object that fits into a slot", "[pager][integrity]") {
  const std::string wrong = answer(crc32_field(), "jello");
  const std::string right = answer(crc32_field(), "hello");
  const auto in_pieces = [](const std::string& whole) {
    std::vector<std::string> made{whole.substr(0, whole.size() - 5)};
    for (std::size_t at = whole.size() - 5; at < whole.size(); ++at) made.push_back(whole.substr(at, 1));
    return made;
  };
  const outcome out = read({{{in_pieces(wrong)}}, {{in_pieces(right)}}}, {.mode = verify::before_delivery});
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
  CHECK(out.pages.size() == 1);
  CHECK(out.last == verification::crc32);
  CHECK(out.requests.size() == 2);
  // A body that breaks off begins anew: nothing of it was handed on.
  const outcome cut = read({{{{right.substr(0, right.size() - 2)}, test::afterwards::close}}, {{in_pieces(right)}}},
                           {.mode = verify::before_delivery});
  CHECK(cut.body == "hello");
  CHECK(cut.last == verification::crc32);
}

TEST_CASE("a body that breaks off is verified over all of its attempts", "[pager][integrity]") {
  const std::string whole = answer(crc32_field(), "hello");
  const std::string rest = answer("Content-Range: bytes 3-4/5\r\n", "lo", "206 Part");
  const outcome out = read({{{{whole.substr(0, whole.size() - 2)}, test::afterwards::close}}, {{{rest}}}});
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
  CHECK(out.last == verification::crc32);
  REQUIRE(out.requests.size() == 2);
  CHECK(out.requests[1].find("\r\nrange: bytes=3-4\r\n") != std::string::npos);
  // A server that ignores the Range, too.
  const outcome skipping = read({{{{whole.substr(0, whole.size() - 2)}, test::afterwards::close}}, {{{answer("", "hello")}}}});
  CHECK(skipping.body == "hello");
  CHECK(skipping.last == verification::crc32);
}

TEST_CASE("bytes that come twice, as their answer broke off behind them, are summed once", "[pager][integrity]") {
  const std::string head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n" + crc32_field() + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string rest = answer("Content-Range: bytes 3-4/5\r\n", "lo", "206 Part");
  const outcome out = read({{{{head + "3\r\nhel\r\n", "2\r\nlo\r\n"}, test::afterwards::close}}, {{{rest}}}});
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
  CHECK(out.last == verification::crc32);
}

TEST_CASE("a resumption that is answered with another version is a change, though the server passes over If-Match",
          "[pager][integrity]") {
  const std::string whole = answer("", "hello");
  std::string rest = answer("Content-Range: bytes 3-4/5\r\n", "lo", "206 Part");
  rest.replace(rest.find("\"1\""), 3, "\"2\"");
  const outcome out = read({{{{whole.substr(0, whole.size() - 2)}, test::afterwards::close}}, {{{rest}}}});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::changed);
  CHECK(out.body == "hel");
}

TEST_CASE("slices are verified by their own checksums, or by the whole object's where every answer has that", "[pager][integrity]") {
  // The ranges' own.
  CHECK(of_slices(check_of("abc", claims("abc")), check_of("def", claims("def"))).what == verification::crc32c);
  // Those that do not hold although others do are no misunderstanding.
  CHECK(of_slices(check_of("abc", claims("abc")), check_of("dex", claims("def"))).corrupted);
  CHECK(of_slices(check_of("abc", claims("abc")), check_of("dex", claims("def")), check_of("ghi", {})).corrupted);
  // The whole object's.
  CHECK(of_slices(check_of("abc", claims("abcdef", true)), check_of("def", claims("abcdef", true))).what == verification::crc32c);
  const verdict wrong = of_slices(check_of("abc", claims("abcdef", true)), check_of("dex", claims("abcdef", true)));
  CHECK(wrong.corrupted);
  // What is not said to be the whole object's may be anything.
  const verdict unclear = of_slices(check_of("abc", claims("xyz")), check_of("def", claims("xyz")));
  CHECK_FALSE(unclear.corrupted);
  CHECK(unclear.what == verification::ambiguous);
  CHECK_FALSE(of_slices(check_of("abc", claims("xyz", true)), check_of("def", claims("uvw", true))).corrupted);
  // None, of some or of all.
  CHECK(of_slices(check_of("abc", {}), check_of("def", {})).what == verification::sliced);
  CHECK(of_slices(check_of("abc", claims("abc")), check_of("def", {})).what == verification::sliced);
  CHECK(of_slices(check_of("abc", {.composite = true}), check_of("def", {.composite = true})).what == verification::composite);
  // Slices alike have the same checksum of their own.
  CHECK(of_slices(check_of("abc", claims("abc")), check_of("abc", claims("abc"))).what == verification::crc32c);
}

TEST_CASE("an object that came in one range is corrupted only where its checksum is surely the object's", "[pager][integrity]") {
  CHECK(check_of("jello", claims("hello"), true, 200).conclude().corrupted);
  CHECK(check_of("jello", claims("hello", true), true, 206).conclude().corrupted);
  CHECK(check_of("jello", claims("hello"), true, 206, "\"1\"").conclude().corrupted);
  // Of parts, or nobody knows: it may be that of their checksums.
  CHECK_FALSE(check_of("jello", claims("hello"), true, 206, "\"1-2\"").conclude().corrupted);
  CHECK_FALSE(check_of("jello", claims("hello"), true, 206, "").conclude().corrupted);
  CHECK_FALSE(check_of("ell", claims("hello", true), false, 206).conclude().corrupted);
  CHECK(check_of("ell", claims("ell"), false, 206).conclude().what == verification::crc32c);
  CHECK(check_of("ell", claims("hello", true), false, 206).conclude().what == verification::ambiguous);
}
