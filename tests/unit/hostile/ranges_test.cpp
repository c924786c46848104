// Answers that are HTTP, and say of the object's range, length and version what can't be or wasn't asked for.
#include <string>
#include <string_view>
#include <utility>

#include "unit/hostile/scene.hpp"

namespace s3pager::test::hostile {

namespace {

using namespace std::string_literals;

std::string answer(std::string_view status, std::string_view headers, const std::string& body) {
  return with_length("HTTP/1.1 " + std::string(status) + " x\r\n" + std::string(headers), body);
}

}  // namespace

corpus ranges() {
  corpus made;
  const auto add = [&made](question what, const std::string& name, std::string bytes, outcome wanted) -> scene& {
    made.push_back({.name = name_of(what) + ": " + name, .what = what, .answer = std::move(bytes), .wanted = wanted});
    return made.back();
  };
  for (const question what : {question::range, question::key}) {
    const std::string body = good_body(what);
    const auto ranged = [&](const std::string& value) {
      return answer("206", "ETag: \"e\"\r\nContent-Range: " + value + "\r\n", body);
    };
    const std::string good = what == question::range ? "2-5" : "0-9";
    for (const char* value : {"", "bytes", "bytes ", "bytes */10", "bytes */*", "bytes -5/10", "bytes 2-/10", "bytes 2-5", "bytes 2-5/", "bytes 2-5/x",
                              "bytes 5-2/10", "bytes 3-6/10", "bytes 1-4/10", "bytes 2-4/10", "bytes 2-6/10", "bytes 2-5/4", "bytes 2-5/5",
                              "bytes 0-9/9", "bytes 0-9/5", "bytes 1-10/10", "bytes 10-19/20", "bytes 0-8/10", "bytes 0-10/11", "bytes 2-5/0",
                              "bytes +2-5/10", "bytes 2-+5/10", "bytes 0x2-5/10", "bytes 2 - 5/10", "bytes 2-5 /10", "bytes=2-5/10",
                              "items 2-5/10", "octets 0-9/10", "2-5/10", "0-9/10", "bytes 2-5/10, bytes 7-8/10", "bytes 2-5,7-8/10",
                              "bytes 18446744073709551614-18446744073709551615/*", "bytes 0-18446744073709551615/18446744073709551615",
                              "bytes 18446744073709551616-5/10", "bytes 2-99999999999999999999/10", "bytes 0-9/18446744073709551616",
                              "bytes -1--1/10", "bytes 0-9/-10", "bytes \x01-5/10"})
      add(what, "Content-Range '"s + value + "'", ranged(value), outcome::fails);
    add(what, "Content-Range with a larger total", ranged("bytes " + good + "/99999"), outcome::either);
    add(what, "Content-Range with the largest total", ranged("bytes " + good + "/18446744073709551615"), outcome::either);
    add(what, "Content-Range without a total", ranged("bytes " + good + "/*"), outcome::either);
    add(what, "no Content-Range", answer("206", "ETag: \"e\"\r\n", body), outcome::fails);
    add(what, "two Content-Ranges", answer("206", "Content-Range: bytes " + good + "/10\r\nContent-Range: bytes 7-8/10\r\n", body), outcome::either);
    const std::string parts = "--x\r\nContent-Range: bytes " + good + "/10\r\n\r\n" + body + "\r\n--x--\r\n";
    add(what, "several parts", answer("206", "Content-Type: multipart/byteranges; boundary=x\r\n", parts), outcome::fails);
    add(what, "several parts in a range", answer("206", "Content-Type: multipart/byteranges; boundary=x\r\nContent-Range: bytes " + good + "/10\r\n", parts),
        outcome::fails);
    add(what, "a shorter body than its range", answer("206", "Content-Range: bytes " + good + "/10\r\n", body.substr(1)), outcome::fails);
    add(what, "a longer body than its range", answer("206", "Content-Range: bytes " + good + "/10\r\n", body + "x"), outcome::fails);
    add(what, "416 with a range that there is", answer("416", "Content-Range: bytes " + good + "/10\r\n", {}), outcome::fails);
    add(what, "416 of an object that has bytes", answer("416", "Content-Range: bytes */10\r\n", {}), outcome::fails);
    add(what, "412 unasked", answer("412", {}, {}), outcome::fails);
    add(what, "304 unasked", "HTTP/1.1 304 x\r\nETag: \"e\"\r\n\r\n", outcome::fails).as = errc::not_modified;
  }
  const std::string whole = object_bytes;
  add(question::range, "the whole object, with 200", answer("200", "ETag: \"e\"\r\n", whole), outcome::either);
  add(question::range, "the whole object, with 206", answer("206", "Content-Range: bytes 0-9/10\r\n", whole), outcome::fails);
  add(question::key, "the whole object, with 200", answer("200", "ETag: \"e\"\r\n", whole), outcome::exact);
  add(question::key, "the whole object, with 200, in chunks",
      "HTTP/1.1 200 x\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" + whole + "\r\n0\r\n\r\n", outcome::either);
  add(question::key, "the whole object, with 200, up to the close", "HTTP/1.1 200 x\r\nETag: \"e\"\r\n\r\n" + whole, outcome::either).then =
      ending::close;
  add(question::object, "a range, which nobody asked for", answer("206", "ETag: \"e\"\r\nContent-Range: bytes 2-5/10\r\n", whole.substr(2, 4)),
      outcome::fails);
  add(question::object, "all of it as a range, which nobody asked for", answer("206", "ETag: \"e\"\r\nContent-Range: bytes 0-9/10\r\n", whole),
      outcome::either);
  add(question::object, "a larger object than was listed", answer("200", "ETag: \"e\"\r\n", whole + "x"), outcome::fails).as = errc::protocol_violation;
  add(question::object, "a smaller object than was listed", answer("200", "ETag: \"e\"\r\n", whole.substr(1)), outcome::fails).as = errc::protocol_violation;
  add(question::object, "an empty object", answer("200", "ETag: \"e\"\r\n", {}), outcome::fails).as = errc::protocol_violation;
  add(question::object, "412, as another version is there", answer("412", {}, {}), outcome::fails).as = errc::changed;
  add(question::object, "another object's list", answer("200", {}, good_list_body()), outcome::fails).as = errc::changed;
  return made;
}

}  // namespace s3pager::test::hostile
