// Shows that what the tests put is what others read.
#include "support/real_server.hpp"

#include <curl/curl.h>

#include <memory>
#include <string>

#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::test {
namespace {

std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

std::string read_by_curl(std::string_view bucket, std::string_view key) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  std::string url = server().endpoint + '/' + std::string(bucket) + '/';
  append_uri_encoded(url, key, slash::keep);
  const std::string pair = server().access_key_id + ':' + server().secret_access_key;
  std::string body;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  if (server().tls()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, server().ca_file.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:s3");
  curl_easy_setopt(curl.get(), CURLOPT_USERPWD, pair.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      curl_slist_append(nullptr, ("x-amz-content-sha256: " + std::string(aws::empty_payload_hash)).c_str()),
      &curl_slist_free_all);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  CHECK(code == CURLE_OK);
  CHECK(status == 200);
  return body;
}

}  // namespace

TEST_CASE("what these tests put is what curl gets") {
  put_client writer = server().writer();
  writer.make_bucket("curl");
  const contents small{.seed = 1, .size = 5};
  const contents large{.seed = 2, .size = (1 << 20) + 7};
  writer.put("curl", "small", small);
  writer.put("curl", "a b+c/large", large);
  CHECK(read_by_curl("curl", "small") == as_chars(small.bytes()));
  CHECK(read_by_curl("curl", "a b+c/large") == as_chars(large.bytes()));
}

}  // namespace s3pager::test
