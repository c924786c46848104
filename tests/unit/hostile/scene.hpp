// One hostile answer, and what must come of it. Plain values: the corpus is made of them, and a harness plays them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"

namespace s3pager::test::hostile {

/// What is asked for. Each scene has one answer that is not what it should be; the others are good.
enum class question : std::uint8_t {
  list,    ///< a prefix is paged, and its list is answered so
  object,  ///< a prefix is paged, and its object is answered so
  range,   ///< bytes 2 to 5 of an object are asked for
  key,     ///< an object is asked for of which nothing is known but its key
};

enum class ending : std::uint8_t {
  stay_silent,  ///< nothing more is sent, and the connection stays open
  close,
  half_close,  ///< no more is sent; what the client says is still read
  reset,
};

enum class outcome : std::uint8_t {
  exact,   ///< harmless: the bytes are those of the object
  fails,   ///< an error, `as` where that is given
  either,  ///< an error or exactly the right bytes: both are within what a client may do
};

struct scene {
  std::string name;
  question what = question::object;
  std::string answer = {};
  ending then = ending::stay_silent;
  outcome wanted = outcome::either;
  std::optional<errc> as = {};
  std::string forever = {};       ///< sent again and again after the answer, until the client hangs up
  bool unasked = false;           ///< sent before there is a request
  std::size_t memory = 1 << 20;   ///< what the client may take for it at most
  std::size_t accepted = 1 << 20; ///< what it may accept of it before it hangs up
};

using corpus = std::vector<scene>;

[[nodiscard]] corpus messages();   ///< of HTTP: heads, lengths, chunks, ends
[[nodiscard]] corpus documents();  ///< of XML: lists and errors
[[nodiscard]] corpus ranges();     ///< of what S3 says of ranges and versions

// The good answers that the bad ones are made of.

inline constexpr const char* object_bytes = "0123456789";

[[nodiscard]] inline std::string with_length(std::string head, const std::string& body) {
  return std::move(head) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
[[nodiscard]] inline std::string good_list_body() {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix>"
         "<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
         "<Contents><Key>k</Key><LastModified>2026-11-24T10:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
         "<Size>10</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>";
}
[[nodiscard]] inline std::string good_error_body() {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<Error><Code>NoSuchKey</Code><Message>no such key</Message><Key>k</Key><RequestId>R</RequestId></Error>";
}
[[nodiscard]] inline std::string good_head(question what) {
  switch (what) {
    case question::list: return "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nServer: s\r\nx-amz-request-id: R\r\n";
    case question::object:
      return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"e\"\r\nAccept-Ranges: bytes\r\nx-amz-request-id: R\r\n";
    case question::range:
      return "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 2-5/10\r\nx-amz-request-id: R\r\n";
    case question::key:
      return "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 0-9/10\r\nx-amz-request-id: R\r\n";
  }
  return {};
}
[[nodiscard]] inline std::string good_body(question what) {
  const std::string whole = object_bytes;
  return what == question::list ? good_list_body() : what == question::range ? whole.substr(2, 4) : whole;
}
[[nodiscard]] inline std::string good_answer(question what) { return with_length(good_head(what), good_body(what)); }
[[nodiscard]] inline std::string good_error() { return with_length("HTTP/1.1 404 Not Found\r\nx-amz-request-id: R\r\n", good_error_body()); }

[[nodiscard]] inline std::string name_of(question what) {
  return what == question::list ? "list" : what == question::object ? "object" : what == question::range ? "range" : "key";
}

}  // namespace s3pager::test::hostile
