#include "s3pager/testing/answer.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/memory_bucket.hpp"
#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using test::fields;

namespace {

class store {
 public:
  store() {
    auto made = std::make_shared<memory_bucket>();
    made->put("k", "0123456789");
    made->put("empty", "");
    buckets_.emplace("b", std::move(made));
  }

  answer ask(std::string_view method, std::string_view target, fields headers = {}) {
    headers.emplace_back("Host", "s3.localhost");
    const test::parsed asked(method, target, headers);
    REQUIRE(asked.complete());
    REQUIRE_FALSE(asked.error);
    return answer_request(loop_, buckets_, asked.request, 1000);
  }

 private:
  ring::reactor loop_;
  bucket_map buckets_;
};

bool has(const answer& what, const std::string& line) { return what.fields.find(line + "\r\n") != std::string::npos; }

const std::string etag = "\"781e5e245d69b566979b86e28d23f2c7\"";  // the MD5 of 0123456789

}  // namespace

TEST_CASE("an object is answered whole", "[testing][answer]") {
  store s3;
  const answer made = s3.ask("GET", "/b/k");
  CHECK(made.status == 200);
  CHECK(made.object);
  CHECK(made.offset == 0);
  CHECK(made.length == 10);
  CHECK(has(made, "ETag: " + etag));
  CHECK(has(made, "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"));
  CHECK(has(made, "Accept-Ranges: bytes"));
}

TEST_CASE("a range is answered with its place", "[testing][answer]") {
  store s3;
  const answer made = s3.ask("GET", "/b/k", {{"Range", "bytes=2-4"}});
  CHECK(made.status == 206);
  CHECK(made.offset == 2);
  CHECK(made.length == 3);
  CHECK(has(made, "Content-Range: bytes 2-4/10"));
  const answer beyond = s3.ask("GET", "/b/k", {{"Range", "bytes=10-"}});
  CHECK(beyond.status == 416);
  CHECK(beyond.error.code == "InvalidRange");
  CHECK(has(beyond, "Content-Range: bytes */10"));
  const answer of_nothing = s3.ask("GET", "/b/empty", {{"Range", "bytes=0-99"}});
  CHECK(of_nothing.status == 416);
  CHECK(has(of_nothing, "Content-Range: bytes */0"));
  CHECK(s3.ask("GET", "/b/k", {{"Range", "bytes=4-2"}}).status == 200);
}

TEST_CASE("conditions come before the range", "[testing][answer]") {
  store s3;
  const answer same = s3.ask("GET", "/b/k", {{"If-None-Match", etag}, {"Range", "bytes=99-"}});
  CHECK(same.status == 304);
  CHECK(has(same, "ETag: " + etag));
  CHECK_FALSE(same.object);
  const answer other = s3.ask("GET", "/b/k", {{"If-Match", "\"other\""}, {"Range", "bytes=0-1"}});
  CHECK(other.status == 412);
  CHECK(other.error.code == "PreconditionFailed");
  CHECK(s3.ask("GET", "/b/k", {{"If-Match", etag}, {"Range", "bytes=0-1"}}).status == 206);
}

TEST_CASE("who signs may choose headers of the answer", "[testing][answer]") {
  store s3;
  const fields is_signed{{"Authorization", "as it may be"}};
  const answer plain = s3.ask("GET", "/b/k", is_signed);
  CHECK(has(plain, "Content-Type: binary/octet-stream"));
  const std::string query = "?response-content-type=text%2Fplain&response-expires=0&response-cache-control=no-cache"
                            "&response-content-language=de&response-content-encoding=gzip&response-content-disposition=a%3B+b";
  for (const fields& headers : {is_signed, fields{{"Authorization", "a"}, {"Range", "bytes=1-2"}}}) {
    const answer made = s3.ask("GET", "/b/k" + query, headers);
    CHECK(made.status == (headers.size() == 1 ? 200 : 206));
    CHECK_FALSE(has(made, "Content-Type: binary/octet-stream"));
    for (const char* each : {"Content-Type: text/plain", "Expires: 0", "Cache-Control: no-cache", "Content-Language: de",
                             "Content-Encoding: gzip", "Content-Disposition: a; b"})
      CHECK(has(made, each));
  }
  CHECK(s3.ask("GET", "/b/k?response-expires=0&X-Amz-Signature=1").status == 200);
  CHECK(s3.ask("GET", "/b/k?response-expires=0").error.code == "InvalidRequest");
  CHECK(s3.ask("GET", "/b/k?response-expires=a%0D%0Ab:c", is_signed).error.code == "InvalidArgument");
}

TEST_CASE("what is not there is named", "[testing][answer]") {
  store s3;
  CHECK(s3.ask("GET", "/b/other").error.code == "NoSuchKey");
  CHECK(s3.ask("GET", "/other/k").error.code == "NoSuchBucket");
  CHECK(s3.ask("GET", "/other?list-type=2").error.code == "NoSuchBucket");
  CHECK(s3.ask("GET", "/").error.code == "NotImplemented");
  CHECK(s3.ask("GET", "/b").error.code == "NotImplemented");
  CHECK(s3.ask("GET", "/b?list-type=2").status == 200);
  CHECK(s3.ask("GET", "/b?list-type=2&max-keys=x").error.code == "InvalidArgument");
  for (const char* method : {"PUT", "DELETE", "POST"}) {
    CHECK(s3.ask(method, "/b/k").error.code == "MethodNotAllowed");
    CHECK(s3.ask(method, "/b/k").status == 405);
  }
}

TEST_CASE("there is one version and one part of each object", "[testing][answer]") {
  store s3;
  CHECK(s3.ask("GET", "/b/k?versionId=null").status == 200);
  CHECK(s3.ask("GET", "/b/k?versionId=1").error.code == "InvalidArgument");
  const answer part = s3.ask("GET", "/b/k?partNumber=1");
  CHECK(part.status == 206);
  CHECK(has(part, "Content-Range: bytes 0-9/10"));
  CHECK(s3.ask("GET", "/b/k?partNumber=2").error.code == "InvalidPartNumber");
  CHECK(s3.ask("GET", "/b/k?partNumber=1", {{"Range", "bytes=0-1"}}).error.code == "InvalidRequest");
  CHECK(s3.ask("GET", "/b/empty?partNumber=1").status == 200);
}
