#include "s3pager/s3/list_objects.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "unit/s3/bench.hpp"

using namespace s3pager;
using namespace s3pager::s3;
using namespace s3pager::s3::test;

namespace {

std::string page_body(const std::vector<std::string>& keys, const std::string& token, const std::string& more = {}) {
  std::string xml = "<?xml version=\"1.0\"?><ListBucketResult>" + more;
  for (const std::string& key : keys) xml += "<Contents><Key>" + key + "</Key><Size>1</Size><ETag>\"e\"</ETag></Contents>";
  xml += token.empty() ? "<IsTruncated>false</IsTruncated>"
                       : "<IsTruncated>true</IsTruncated><NextContinuationToken>" + token + "</NextContinuationToken>";
  return xml + "</ListBucketResult>";
}

std::string answer_of(const std::string& body, int status = 200) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nx-amz-request-id: RID\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string page_of(const std::vector<std::string>& keys, const std::string& token = {}, const std::string& more = {}) {
  return answer_of(page_body(keys, token, more));
}

struct listing {
  std::vector<std::string> keys = {};
  std::size_t pages = 0;
  std::optional<error> failure = {};
};

task<> read_all(bench& in, list_objects_request what, listing& out) {
  auto pages = list_objects(in.with, in.target, in.tally, std::move(what));
  try {
    for (;;) {
      std::optional<ref<xml::list_page>> page = co_await pages.next();
      if (!page) break;
      ++out.pages;
      for (const xml::listed& each : (*page)->contents()) out.keys.emplace_back(each.key);
    }
  } catch (const error& failed) {
    out.failure.emplace(failed);
  }
}

listing listed(bench& in, const list_objects_request& what = {}) {
  listing out;
  in.run(read_all(in, what, out));
  return out;
}

std::string target_of(const std::string& request) { return request.substr(4, request.find(" HTTP") - 4); }

}  // namespace

TEST_CASE("the first page alone may be asked for with fewer keys", "[s3][list_objects]") {
  bench in({{{{page_of({"a"}, "t1")}}, {{page_of({"b"}, "t2")}}, {{page_of({"c"})}}}});
  const listing out = listed(in, {.max_keys = 900, .first_max_keys = 5});
  CHECK(out.keys == std::vector<std::string>{"a", "b", "c"});
  std::vector<std::string> asked;
  for (const std::string& each : in.server.requests()) asked.push_back(target_of(each));
  CHECK(asked == std::vector<std::string>{"/b/?encoding-type=url&list-type=2&max-keys=5",
                                          "/b/?continuation-token=t1&encoding-type=url&list-type=2&max-keys=900",
                                          "/b/?continuation-token=t2&encoding-type=url&list-type=2&max-keys=900"});
}

TEST_CASE("a list asks for what it needs, sorted and encoded", "[s3][list_objects]") {
  bench in({{{{page_of({"p q/a"}, "t/1+=")}}, {{page_of({"p q/b"})}}}});
  const listing out = listed(in, {.prefix = "p q/",
                                  .delimiter = "/",
                                  .start_after = "p q/\x01",
                                  .max_keys = 7,
                                  .fetch_owner = true,
                                  .requester_pays = true});
  CHECK(out.keys == std::vector<std::string>{"p q/a", "p q/b"});
  REQUIRE(in.server.requests().size() == 2);
  CHECK(target_of(in.server.requests()[0]) ==
        "/b/?delimiter=%2F&encoding-type=url&fetch-owner=true&list-type=2&max-keys=7&prefix=p%20q%2F&start-after=p%20q%2F%01");
  CHECK(target_of(in.server.requests()[1]) ==
        "/b/?continuation-token=t%2F1%2B%3D&delimiter=%2F&encoding-type=url&fetch-owner=true&list-type=2&max-keys=7&prefix=p%20q%2F");
  CHECK(in.server.requests()[0].find("\r\nx-amz-request-payer: requester\r\n") != std::string::npos);
  CHECK(in.server.connections() == 1);
}

TEST_CASE("a list asks for the restore status of archived objects, and signs that", "[s3][list_objects]") {
  bench in({{{{page_of({"a"})}}, {{page_of({"a"})}}}});
  CHECK(listed(in, {.restore_status = true, .requester_pays = true}).keys == std::vector<std::string>{"a"});
  CHECK(listed(in).keys == std::vector<std::string>{"a"});
  REQUIRE(in.server.requests().size() == 2);
  CHECK(in.server.requests()[0].find("\r\nx-amz-optional-object-attributes: RestoreStatus\r\n"
                                     "x-amz-request-payer: requester\r\n") != std::string::npos);
  CHECK(in.server.requests()[1].find("x-amz-optional-object-attributes") == std::string::npos);
}

TEST_CASE("a directory bucket is not asked for the restore status of its objects", "[s3][list_objects]") {
  bench in(page_of({"a"}));
  in.target = in.with->bucket("b--use1-az4--x-s3");
  CHECK(listed(in, {.restore_status = true}).keys == std::vector<std::string>{"a"});
  CHECK(in.server.requests().at(0).find("x-amz-optional-object-attributes") == std::string::npos);
}

TEST_CASE("a service that does not know of restores is asked without, from then on", "[s3][list_objects]") {
  const std::string refused = "HTTP/1.1 501 X\r\nContent-Length: 0\r\n\r\n";
  bench in({{{{refused}}, {{page_of({"a"}, "t")}}, {{page_of({"b"})}}}});
  const listing out = listed(in, {.restore_status = true});
  CHECK_FALSE(out.failure);
  CHECK(out.keys == std::vector<std::string>{"a", "b"});
  REQUIRE(in.server.requests().size() == 3);
  CHECK(in.server.requests()[0].find("x-amz-optional-object-attributes") != std::string::npos);
  CHECK(in.server.requests()[1].find("x-amz-optional-object-attributes") == std::string::npos);
  CHECK(in.server.requests()[2].find("x-amz-optional-object-attributes") == std::string::npos);
}

TEST_CASE("a service that does not know of lists is not asked for ever", "[s3][list_objects]") {
  const std::string refused = "HTTP/1.1 501 X\r\nContent-Length: 0\r\n\r\n";
  bench in({{{{refused}}, {{refused}}}});
  const listing out = listed(in, {.restore_status = true});
  REQUIRE(out.failure);
  CHECK(out.failure->http_status() == 501);
  CHECK(in.server.requests().size() == 2);
}

TEST_CASE("a list of everything has the shortest query", "[s3][list_objects]") {
  bench in(page_of({}));
  const listing out = listed(in);
  CHECK(out.pages == 1);
  CHECK(out.keys.empty());
  CHECK(target_of(in.server.requests().at(0)) == "/b/?encoding-type=url&list-type=2");
}

TEST_CASE("a page is read wherever it is cut", "[s3][list_objects]") {
  const std::string answer = page_of({"a", "b"});
  for (std::size_t at = 0; at <= answer.size(); at += 3) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const listing out = listed(in);
    CHECK_FALSE(out.failure);
    CHECK(out.keys == std::vector<std::string>{"a", "b"});
    CHECK(in.target->host()->idle() == 1);
  }
}

TEST_CASE("a chunked page is read and its connection kept", "[s3][list_objects]") {
  const std::string body = page_body({"a", "b"}, {});
  REQUIRE(body.size() < 256);
  static constexpr char digits[] = "0123456789abcdef";
  const std::string size{digits[body.size() / 16], digits[body.size() % 16]};
  bench in("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + body + "\r\n0\r\n\r\n");
  CHECK(listed(in).keys == std::vector<std::string>{"a", "b"});
  CHECK(in.target->host()->idle() == 1);
}

TEST_CASE("keys are decoded only if the answer says that they are encoded", "[s3][list_objects]") {
  bench encoded(page_of({"a%20b%2Fc"}, {}, "<EncodingType>url</EncodingType>"));
  CHECK(listed(encoded).keys == std::vector<std::string>{"a b/c"});
  bench plain(page_of({"a%20b"}));
  CHECK(listed(plain).keys == std::vector<std::string>{"a%20b"});
}

TEST_CASE("one page is read ahead, and no more", "[s3][list_objects]") {
  bench in({{{{page_of({"a"}, "1")}}, {{page_of({"b"}, "2")}}, {{page_of({"c"}, "3")}}, {{page_of({"d"})}}}});
  auto pages = list_objects(in.with, in.target, in.tally, {});
  const auto next = [&](std::optional<ref<xml::list_page>>& out) {
    in.run([](async_generator<ref<xml::list_page>>& of, std::optional<ref<xml::list_page>>& into) -> task<> {
      into = co_await of.next();
    }(pages, out));
    for (int i = 0; i < 50; ++i) in.loop.run_once(ring::reactor::wait::no);
  };
  std::optional<ref<xml::list_page>> page;
  next(page);
  REQUIRE(page);
  CHECK((*page)->contents()[0].key == "a");
  CHECK(in.server.requests().size() == 2);
  next(page);
  CHECK((*page)->contents()[0].key == "b");
  CHECK(in.server.requests().size() == 3);
  next(page);
  CHECK(in.server.requests().size() == 4);
  next(page);
  CHECK((*page)->contents()[0].key == "d");
  next(page);
  CHECK_FALSE(page);
  next(page);
  CHECK_FALSE(page);
  CHECK(in.server.requests().size() == 4);
}

TEST_CASE("a token that comes again is refused, or the list would never end", "[s3][list_objects]") {
  bench in({{{{page_of({"a"}, "1")}}, {{page_of({"b"}, "1")}}}});
  const listing out = listed(in);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::protocol_violation);
  CHECK(out.failure->bucket() == "b");
}

TEST_CASE("tokens that go round in a circle are noticed, however long it is", "[s3][list_objects]") {
  for (const std::size_t circle : {2U, 3U, 10U}) {
    CAPTURE(circle);
    std::vector<scripted_answer> pages;
    for (std::size_t i = 0; i < 40; ++i) {
      const std::size_t token = i < 3 ? i : 3 + (i - 3) % circle;
      pages.push_back({{page_of({"k" + std::to_string(100 + i)}, "t" + std::to_string(token))}});
    }
    bench in({pages});
    const listing out = listed(in);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::protocol_violation);
    CHECK(out.failure->details().message == "the list goes on with a continuation token that it gave before");
    CHECK(out.pages < 3 + 3 * circle);
  }
}

TEST_CASE("a key that comes twice is refused, in a page and behind it", "[s3][list_objects]") {
  for (const bool behind : {false, true}) {
    bench in({{{{page_of({"a", "b"}, "1")}}, {{behind ? page_of({"b", "c"}) : page_of({"c", "d", "d"})}}}});
    const listing out = listed(in);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::protocol_violation);
    CHECK(out.failure->details().message == "the list gives a key twice");
    CHECK(out.failure->key() == (behind ? "b" : "d"));
    CHECK(out.keys == std::vector<std::string>{"a", "b"});
  }
}

TEST_CASE("a service that does not know start-after is refused", "[s3][list_objects]") {
  bench in(page_of({"m", "n"}));
  const listing out = listed(in, {.start_after = "m"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::protocol_violation);
  CHECK(out.failure->key() == "m");
  CHECK(out.keys.empty());
}

TEST_CASE("a token that is refused is replaced once by each last key", "[s3][list_objects]") {
  const std::string refused = answer_of("<Error><Code>InvalidArgument</Code></Error>", 400);
  bench in({{{{page_of({"a"}, "1")}}, {{refused}}, {{page_of({}, "2")}}, {{refused}}}});
  const listing out = listed(in);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::invalid_argument);
  CHECK(out.keys == std::vector<std::string>{"a"});
  REQUIRE(in.server.requests().size() == 4);
  CHECK(target_of(in.server.requests()[2]) == "/b/?encoding-type=url&list-type=2&start-after=a");
}

TEST_CASE("a refusal whose body is broken keeps its name", "[s3][list_objects]") {
  const std::string answer = "HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const listing out = listed(in);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::access_denied);
    CHECK(in.server.requests().size() == 1);
    CHECK(in.target->host()->idle() == 0);
  }
}

TEST_CASE("an error in an answer 200 is an error with its ids", "[s3][list_objects]") {
  bench in(answer_of("<Error><Code>SlowDown</Code><Message>later</Message></Error>"));
  const listing out = listed(in);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::throttled);
  CHECK(out.failure->s3_code() == "SlowDown");
  CHECK(out.failure->http_status() == 200);
  CHECK(out.failure->request_id() == "RID");
  CHECK(out.failure->details().message == "later");
}

TEST_CASE("a refusal is typed and has its ids, wherever it is cut", "[s3][list_objects]") {
  const std::string answer = answer_of("<Error><Code>NoSuchBucket</Code></Error>", 404);
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const listing out = listed(in);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::not_found);
    CHECK(out.failure->request_id() == "RID");
    CHECK(in.target->host()->idle() == 1);
  }
}

TEST_CASE("what is no list is an error", "[s3][list_objects]") {
  for (const std::string& body : {std::string("<html>hi</html>"), std::string("<ListBucketResult><Contents>"), std::string(),
                                  std::string("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")}) {
    CAPTURE(body);
    bench in(answer_of(body));
    const listing out = listed(in);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::protocol_violation);
    CHECK(out.failure->request_id() == "RID");
  }
}

TEST_CASE("a page that breaks off is a lost connection, and no list that ends early", "[s3][list_objects]") {
  const std::string answer = page_of({"a"});
  bench in(answer.substr(0, answer.size() - 1), afterwards::close);
  const listing out = listed(in);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::connection_lost);
  CHECK(out.keys.empty());
}

TEST_CASE("a page that breaks off, is broken or is an error is asked for again", "[s3][list_objects]") {
  const std::string good = page_of({"a", "b"});
  const std::string body = page_body({"a", "b"}, {});
  const std::string chunked = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> broken{
      "",
      good.substr(0, 30),
      good.substr(0, good.size() - 1),
      chunked + "20\r\n" + body.substr(0, 32) + "\r\n",
      chunked + "20\r\n" + body.substr(0, 32) + "\r\n0\r\n\r\n",
      answer_of(body.substr(0, body.size() - 20)),
      answer_of("not XML"),
      answer_of("<Error><Code>InternalError</Code></Error>"),
      answer_of("<Error><Code>SlowDown</Code></Error>"),
      answer_of("<Error><Code>NotHeardOf</Code></Error>"),
      answer_of("<Error><Code>InternalError</Code></Error>", 500),
      answer_of("", 503),
      answer_of("", 429),
      answer_of("", 400),
      answer_of("<Error><Code>RequestTimeout</Code></Error>", 400),
  };
  for (const std::string& each : broken) {
    CAPTURE(each);
    bench in({{{{each}, afterwards::close}}, {{{good}}}}, nullptr, {.base_delay = {}, .throttled_delay = {}});
    const listing out = listed(in);
    CHECK_FALSE(out.failure);
    CHECK(out.keys == std::vector<std::string>{"a", "b"});
  }
}

TEST_CASE("a refusal that is final is not asked for again, with a token neither", "[s3][list_objects]") {
  for (const std::string code : {"ExpiredToken", "InvalidToken", "AccessDenied"}) {
    CAPTURE(code);
    bench in({{{{page_of({"a"}, "t")}}, {{answer_of("<Error><Code>" + code + "</Code></Error>", 400)}}}}, nullptr, {});
    const listing out = listed(in);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::access_denied);
    CHECK(out.failure->attempts() == 1);
    CHECK(in.server.requests().size() == 2);
  }
}

TEST_CASE("a kept connection that was closed meanwhile is replaced, once", "[s3][list_objects]") {
  bench in({{{{page_of({"a"}, "1")}, afterwards::close}}, {{{page_of({"b"})}}}});
  CHECK(listed(in).keys == std::vector<std::string>{"a", "b"});
  CHECK(in.server.connections() == 2);
}

TEST_CASE("a list that is dropped on its way closes its connection", "[s3][list_objects]") {
  bench in({{{{page_of({"a"}, "1")}}, {{"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n<List"}}}});
  {
    auto pages = list_objects(in.with, in.target, in.tally, {});
    in.run([](async_generator<ref<xml::list_page>>& of) -> task<> { static_cast<void>(co_await of.next()); }(pages));
    in.until([&] { return in.server.requests().size() == 2; });
  }
  in.until([&] { return in.server.hung_up() == 1; });
  CHECK(in.target->host()->idle() == 0);
}
