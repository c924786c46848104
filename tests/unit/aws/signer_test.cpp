#include "s3pager/aws/signer.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>
#include <unistd.h>

#include "s3pager/base/unique_fd.hpp"
#include "support/catch.hpp"
#include "unit/aws/sigv4_suite.hpp"

using namespace s3pager;
using namespace s3pager::aws;
using namespace s3pager::aws::test;

namespace {

wall_time at(std::chrono::sys_days day, std::chrono::seconds time) { return wall_time{day + time}; }

std::string date_of(wall_time time) {
  std::string out(16, '\0');
  format_amz_date(time, std::span<char, 16>(out.data(), 16));
  return out;
}

std::string authorization(signer& with, const plain_request& request, wall_time now) {
  const std::string path = request.encoded_path();
  const std::string query = request.encoded_query();
  const std::string date = date_of(now);
  std::vector<signed_header> headers;
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  headers.push_back({"x-amz-date", date});
  std::stable_sort(headers.begin(), headers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  signature out;
  REQUIRE_FALSE(with.sign({.method = request.method,
                           .path = path,
                           .query = query,
                           .headers = headers,
                           .payload_hash = request.payload_hash},
                          now, out));
  return std::string(out.authorization());
}

std::string example_authorization(const std::string& names, const std::string& hex) {
  return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" + names +
         ", Signature=" + hex;
}

const plain_request lifecycle_request{
    .query = {{"lifecycle", ""}},
    .headers = {{"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", std::string(empty_payload_hash)}}};
const std::string lifecycle_authorization =
    example_authorization("host;x-amz-content-sha256;x-amz-date",
                          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

}  // namespace

TEST_CASE("the signer gives the signatures of the public SigV4 suite") {
  signer with(suite_keys, "us-east-1", "service");
  for (const vector_case& each : suite) {
    INFO(each.name);
    CHECK(authorization(with, each.request, suite_time) ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
              each.signed_names + ", Signature=" + each.signature);
  }
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
TEST_CASE("the signer gives the signatures of the examples on Amazon S3's pages") {
  signer with(example_keys, "us-east-1");
  const std::pair<std::string, std::string> host{"host", "examplebucket.s3.amazonaws.com"};
  const std::pair<std::string, std::string> no_body{"x-amz-content-sha256", std::string(empty_payload_hash)};

  CHECK(authorization(with, {.path = "/test.txt", .headers = {host, {"range", "bytes=0-9"}, no_body}}, example_time) ==
        example_authorization("host;range;x-amz-content-sha256;x-amz-date",
                              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));

  std::string hash(64, '\0');
  write_hex(sha256_of("Welcome to Amazon S3."), hash.data());
  CHECK(authorization(with,
                      {.method = "PUT",
                       .path = "/test$file.text",
                       .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                   host,
                                   {"x-amz-content-sha256", hash},
                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                       .payload_hash = hash},
                      example_time) ==
        example_authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));

  CHECK(authorization(with, lifecycle_request, example_time) == lifecycle_authorization);

  CHECK(authorization(with, {.query = {{"prefix", "J"}, {"max-keys", "2"}}, .headers = {host, no_body}}, example_time) ==
        example_authorization("host;x-amz-content-sha256;x-amz-date",
                              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_CASE("x-amz-date is UTC, in the basic format, at every edge of the calendar") {
  using namespace std::chrono;
  CHECK(date_of(wall_time{}) == "19700101T000000Z");
  CHECK(date_of(at(year(2013) / 5 / 24, 0s)) == "20130524T000000Z");
  CHECK(date_of(at(year(2024) / 2 / 29, 86399s)) == "20240229T235959Z");
  CHECK(date_of(at(year(2000) / 12 / 31, 86399s) + 999999999ns) == "20001231T235959Z");
  CHECK(date_of(at(year(2100) / 3 / 1, 43506s)) == "21000301T120506Z");
  CHECK(date_of(wall_time{-1ns}) == "19691231T235959Z");
  signer with(example_keys, "us-east-1");
  CHECK(with.amz_date(example_time) == "20130524T000000Z");
  CHECK(with.amz_date(example_time + 1s) == "20130524T000001Z");
}

TEST_CASE("a signer follows the time over seconds and days, also backwards") {
  using namespace std::chrono;
  signer with(example_keys, "us-east-1");
  for (const nanoseconds step : {0ns, 999999999ns, nanoseconds(1s), nanoseconds(24h), nanoseconds(25h), -1ns}) {
    const wall_time now = example_time + step;
    signer fresh(example_keys, "us-east-1");
    CHECK(authorization(with, lifecycle_request, now) == authorization(fresh, lifecycle_request, now));
  }
  CHECK(authorization(with, lifecycle_request, example_time) == lifecycle_authorization);
}

TEST_CASE("new credentials sign from the next request on, in the same second") {
  signer with({.access_key_id = "AKIDEXAMPLE", .secret_access_key = "another"}, "us-east-1");
  const std::string before = authorization(with, lifecycle_request, example_time);
  with.set_credentials(example_keys);
  CHECK(with.current().access_key_id == "AKIAIOSFODNN7EXAMPLE");
  CHECK(authorization(with, lifecycle_request, example_time) == lifecycle_authorization);
  CHECK(before != lifecycle_authorization);
}

TEST_CASE("the signer refuses anonymous credentials and more header names than fit") {
  const std::vector<signed_header> host{{"host", "h"}};
  signature out;
  signer anonymous({}, "us-east-1");
  CHECK(anonymous.sign({.method = "GET", .path = "/", .headers = host}, example_time, out) == errc::invalid_argument);
  CHECK(out.authorization().empty());

  signer with(example_keys, "us-east-1");
  // The rest of the value, with a name and the separator that is counted for each, takes the capacity to its last byte.
  const std::string empty = example_authorization("", std::string(64, '0'));
  const std::string fits(signature::capacity - empty.size() - 1, 'h');
  const std::vector<signed_header> longest{{fits, ""}};
  REQUIRE_FALSE(with.sign({.method = "GET", .path = "/", .headers = longest}, example_time, out));
  CHECK(out.authorization().size() == signature::capacity - 1);
  const std::string more = fits + "h";
  const std::vector<signed_header> too_long{{more, ""}};
  CHECK(with.sign({.method = "GET", .path = "/", .headers = too_long}, example_time, out) == errc::invalid_argument);
  CHECK(out.authorization().empty());
}

TEST_CASE("a path of any length is signed whole") {
  // Around the sizes at which the signer hands on what it has gathered.
  const std::vector<std::size_t> sizes{900, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 1025, 2047, 2048, 3072};
  signer with(example_keys, "us-east-1");
  std::string previous;
  for (const std::size_t size : sizes) {
    plain_request request = lifecycle_request;
    request.path = std::string(size, 'a').insert(0, 1, '/');
    const std::string signed_once = authorization(with, request, example_time);

    // The same by the book: the canonical request as one string, and OpenSSL's HMAC.
    std::string canonical = "GET\n" + request.path + "\nlifecycle=\nhost:examplebucket.s3.amazonaws.com\n" +
                            "x-amz-content-sha256:" + std::string(empty_payload_hash) +
                            "\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n" +
                            std::string(empty_payload_hash);
    const auto hmac = [](const std::string& key, const std::string& text) {
      std::string digest(32, '\0');
      unsigned length = 0;
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), reinterpret_cast<unsigned char*>(digest.data()), &length);
      return digest;
    };
    const auto hex = [](std::string_view bytes) {
      std::string out(2 * bytes.size(), '\0');
      write_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}, out.data());
      return out;
    };
    std::string hash(32, '\0');
    REQUIRE(EVP_Digest(canonical.data(), canonical.size(), reinterpret_cast<unsigned char*>(hash.data()), nullptr,
                       EVP_sha256(), nullptr) == 1);
    std::string key = "AWS4" + std::string(example_keys.secret_access_key.view());
    for (const char* step : {"20130524", "us-east-1", "s3", "aws4_request"}) key = hmac(key, step);
    CHECK(signed_once ==
          example_authorization("host;x-amz-content-sha256;x-amz-date",
                                hex(hmac(key, "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" +
                                                  hex(hash)))));
    CHECK(signed_once != previous);
    previous = signed_once;
  }
}

TEST_CASE("HMAC-SHA256 gives the digests of RFC 4231") {
  const auto hex = [](const sha256_digest& digest) {
    std::string out(64, '\0');
    write_hex(digest, out.data());
    return out;
  };
  CHECK(hex(hmac_sha256(std::string(20, '\x0b'))("Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(hmac_sha256("Jefe")("what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string large(131, '\xaa');
  const std::string_view text = "Test Using Larger Than Block-Size Key - Hash Key First";
  CHECK(hex(hmac_sha256(large)(text)) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hex(hmac_sha256(std::string_view(large).substr(4), std::string_view(large).substr(0, 4))(text)) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

namespace {

struct curl_deleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// What libcurl sends for a request, on one thread: once it is connected, and before it sends, its connection is
/// accepted and the answer written.
class curl_signer {
 public:
  curl_signer()
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), easy_(curl_easy_init()) {
    REQUIRE(easy_);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_.get(), generic, size) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    REQUIRE(::getsockname(listener_.get(), generic, &size) == 0);
    origin_ = std::string("http://127.0.0.1:") + std::to_string(ntohs(address.sin_port));
    curl_easy_setopt(easy_.get(), CURLOPT_PREREQFUNCTION, +[](void* self, char*, char*, int, int) {
      return static_cast<curl_signer*>(self)->answer() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
    });
    curl_easy_setopt(easy_.get(), CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  }

  /// The request's head. `headers` must hold x-amz-date; curl then signs for that time.
  std::string head(const plain_request& request, const pairs& headers, const credentials& keys,
                   const std::string& region) {
    std::string url = origin_ + request.encoded_path();
    if (!request.query.empty()) url.append(1, '?').append(request.encoded_query());
    std::unique_ptr<curl_slist, curl_deleter> list;
    for (const auto& [name, value] : headers) {
      curl_slist* const longer = curl_slist_append(list.get(), (name + ": " + value).c_str());
      REQUIRE(longer != nullptr);
      static_cast<void>(list.release());
      list.reset(longer);
    }
    const std::string secret_text(keys.secret_access_key.view());
    const std::string provider = "aws:amz:" + region + ":s3";
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(easy_.get(), CURLOPT_USERNAME, keys.access_key_id.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_PASSWORD, secret_text.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_AWS_SIGV4, provider.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
    if (request.method == "GET") curl_easy_setopt(easy_.get(), CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_CUSTOMREQUEST,
                     request.method == "GET" || request.method == "HEAD" ? nullptr : request.method.c_str());
    const CURLcode result = curl_easy_perform(easy_.get());
    INFO(curl_easy_strerror(result));
    REQUIRE(result == CURLE_OK);

    std::string text(32768, '\0');
    const ssize_t size = ::read(accepted_.get(), text.data(), text.size());
    REQUIRE(size > 0);
    text.resize(static_cast<std::size_t>(size));
    REQUIRE(text.size() > 4);
    REQUIRE(text.substr(text.size() - 4) == "\r\n\r\n");
    return text;
  }

 private:
  [[nodiscard]] bool answer() noexcept {
    static constexpr std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    accepted_ = unique_fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return ::write(accepted_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

  unique_fd listener_;
  unique_fd accepted_;
  std::string origin_;
  std::unique_ptr<CURL, curl_deleter> easy_;
};

/// The value of the header `name`, as curl writes it, of a request's head.
std::string header_of(const std::string& head, const std::string& name) {
  const std::string start = "\r\n" + name + ": ";
  const std::size_t at_start = head.find(start);
  REQUIRE(at_start != std::string::npos);
  const std::size_t from = at_start + start.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

class random_requests {
 public:
  explicit random_requests(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  std::string text(std::string_view alphabet, std::size_t least, std::size_t most) {
    std::string out(least + below(most - least + 1), '\0');
    for (char& c : out) c = alphabet[below(alphabet.size())];
    return out;
  }

  std::string bytes(std::size_t least, std::size_t most) {
    std::string out(least + below(most - least + 1), '\0');
    for (char& c : out) c = static_cast<char>(below(256));
    return out;
  }

  // What curl 7.88 would do otherwise is left out, so that later versions, which have that mended, agree as well:
  // - it takes path and query from the URL as they are: they are encoded and sorted here by our own helpers;
  // - it signs the name of the URL's host, without the port: the Host header is always given;
  // - it sorts headers by "name:value", in which a name sorts after a longer one that begins with it and '-': no name
  //   here is the beginning of another;
  // - it encodes no path: only S3 is signed for, as later versions encode other services' paths twice;
  // - it does not join headers of the same name: each is given once;
  // - it takes an x-amz-content-sha256 that is given as it is: always given;
  // - an empty value would remove a header: none is.
  plain_request next() {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
    static constexpr std::string_view visible = "ABCXYZabcxyz0123456789 !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";
    static constexpr std::string_view hex_digits = "0123456789abcdef";
    plain_request request;
    request.method = std::vector<std::string>{"GET", "HEAD", "DELETE"}[below(3)];
    request.path = std::string("/") + (below(2) == 0 ? bytes(0, 100) : text("ab/.+%~ -_", 0, 60));
    for (std::size_t count = below(5); count != 0; --count)
      request.query.emplace_back(below(2) == 0 ? bytes(1, 8) : text("ab-.", 1, 3), below(3) == 0 ? "" : bytes(0, 30));

    request.headers.emplace_back("host", text(letters, 1, 20) + (below(2) == 0 ? ".example.com" : ":9000"));
    const auto value = [&] {   // blanks only within
      return text(letters, 1, 1) + text(visible, 0, 40) + text(letters, 1, 1);
    };
    if (below(2) == 0) request.headers.emplace_back("range", std::string("bytes=") + std::to_string(below(1'000'000)) + "-");
    if (below(2) == 0) request.headers.emplace_back("if-match", '"' + text(hex_digits, 32, 32) + '"');
    if (below(3) == 0) request.headers.emplace_back("x-amz-security-token", text(visible.substr(0, 22), 100, 1000));
    if (below(3) == 0) request.headers.emplace_back("x-amz-request-payer", "requester");
    for (const char* name : {"a-header", "my-header1", "x-amz-meta-one", "x-amz-meta-two", "zz"})
      if (below(4) == 0) request.headers.emplace_back(name, value());
    request.payload_hash = std::vector<std::string>{std::string(unsigned_payload), std::string(empty_payload_hash),
                                                    text(hex_digits, 64, 64)}[below(3)];
    request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
    return request;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("the signer agrees with libcurl on random requests") {
  random_requests random(20261123);
  curl_signer curl;
  static constexpr std::string_view key_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string region;
  credentials keys;
  std::unique_ptr<signer> with;
  for (int i = 0; i < 2500; ++i) {
    // A signer signs some requests before it is replaced or given other credentials, so that what it keeps is tested.
    if (i % 10 == 0) {
      keys = {.access_key_id = random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 4, 40),
              .secret_access_key = random.text(key_characters, 1, 100)};
      if (i % 20 == 0) {
        region = random.text("abcdefgh-0123", 1, 20);
        with = std::make_unique<signer>(keys, region);
      } else {
        with->set_credentials(keys);
      }
    }
    const plain_request request = random.next();
    const wall_time now{std::chrono::seconds(1'700'000'000 + random.below(86400) * (i % 3 == 0 ? 5000 : 2))};
    pairs headers = request.headers;
    headers.emplace_back("x-amz-date", date_of(now));
    const std::string head = curl.head(request, headers, keys, region);
    CAPTURE(i, head);
    REQUIRE(header_of(head, "Authorization") == authorization(*with, request, now));
  }
}
