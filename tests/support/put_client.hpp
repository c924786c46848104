// Writes into an S3 server over a blocking socket: what the library itself never does. One connection, kept.
// Knows no reactor and no coroutine.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/aws/canonical_query.hpp"
#include "s3pager/aws/customer_key.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/http/request_writer.hpp"
#include "s3pager/http/response_parser.hpp"
#include "support/contents.hpp"

namespace s3pager::test {

struct put_answer {
  int status = 0;
  std::string body = {};
  std::string etag = {};        ///< with its quotes
  std::string version_id = {};
};

class put_client {
 public:
  /// `endpoint` is `http://ADDRESS:PORT`.
  put_client(std::string_view endpoint, std::string_view access_key_id, std::string_view secret_access_key)
      : host_(endpoint.substr(std::string_view("http://").size())),
        signer_({.access_key_id = std::string(access_key_id), .secret_access_key = secret_access_key}, "us-east-1") {}

  /// One that is there already is as good.
  void make_bucket(std::string_view bucket) {
    const put_answer got = send("PUT", bucket, {}, {}, std::string_view());
    if (got.status != 200 && got.body.find("BucketAlreadyOwnedByYou") == std::string::npos) refuse("make_bucket", bucket, got);
  }
  void enable_versioning(std::string_view bucket) {
    must("enable_versioning", bucket,
         send("PUT", bucket, {}, {{"versioning", ""}},
              "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status>"
              "</VersioningConfiguration>"));
  }
  /// Whatever the answer is.
  [[nodiscard]] put_answer try_put(std::string_view bucket, std::string_view key, const contents& what) {
    return send("PUT", bucket, key, {}, what);
  }
  put_answer put(std::string_view bucket, std::string_view key, const contents& what) {
    return must("put", key, try_put(bucket, key, what));
  }
  /// Under a customer's key; whoever reads it has to bring that.
  put_answer put_encrypted(std::string_view bucket, std::string_view key, const contents& what, const customer_key& under) {
    const aws::encoded_customer_key encoded = aws::encode_customer_key(under);
    more_headers_ = {{aws::customer_algorithm_header, "AES256"},
                     {aws::customer_key_header, encoded.key.view()},
                     {aws::customer_key_md5_header, encoded.md5.view()}};
    const put_answer got = try_put(bucket, key, what);
    more_headers_.clear();
    return must("put encrypted", key, got);
  }
  /// Each part but the last has `part_bytes`, 5 MiB at least.
  void put_in_parts(std::string_view bucket, std::string_view key, const contents& what, std::uint64_t part_bytes) {
    const put_answer begun = must("begin parts", key, send("POST", bucket, key, {{"uploads", ""}}, std::string_view()));
    const std::string id(between(begun.body, "<UploadId>", "</UploadId>"));
    std::string parts = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    unsigned number = 0;
    for (std::uint64_t at = 0; at < what.size; at += part_bytes) {
      const std::string text = std::to_string(++number);
      const source part(what, at, std::min(part_bytes, what.size - at));
      const put_answer got =
          must("put part", key, send("PUT", bucket, key, {{"partNumber", text}, {"uploadId", id}}, part));
      parts += "<Part><PartNumber>" + text + "</PartNumber><ETag>" + got.etag + "</ETag></Part>";
    }
    parts += "</CompleteMultipartUpload>";
    const put_answer ended = must("end parts", key, send("POST", bucket, key, {{"uploadId", id}}, parts));
    if (ended.body.find("CompleteMultipartUploadResult") == std::string::npos) refuse("end parts", key, ended);
  }
  void erase(std::string_view bucket, std::string_view key) {
    const put_answer got = send("DELETE", bucket, key, {}, std::string_view());
    if (got.status != 204) refuse("erase", key, got);
  }

 private:
  using parameters = std::vector<std::pair<std::string, std::string>>;

  /// A body: text, or a piece of an object's contents.
  struct source {
    source(std::string_view from) noexcept : text(from), size(from.size()), is_text(true) {}
    source(const char* from) noexcept : source(std::string_view(from)) {}
    source(const std::string& from) noexcept : source(std::string_view(from)) {}
    source(const contents& from) noexcept : all(from), size(from.size) {}
    source(const contents& from, std::uint64_t begin, std::uint64_t count) noexcept : all(from), first(begin), size(count) {}

    std::string_view text = {};
    contents all = {};
    std::uint64_t first = 0;
    std::uint64_t size = 0;
    bool is_text = false;
  };

  [[noreturn]] static void refuse(const char* what, std::string_view of, const put_answer& got) {
    throw std::runtime_error(std::string(what) + ' ' + std::string(of) + ": status " + std::to_string(got.status) + ' ' +
                             got.body);
  }
  static put_answer must(const char* what, std::string_view of, put_answer got) {
    if (got.status != 200) refuse(what, of, got);
    return got;
  }
  [[nodiscard]] static std::string_view between(std::string_view text, std::string_view before, std::string_view behind) {
    const std::size_t at = text.find(before);
    const std::size_t end = text.find(behind, at);
    if (at == std::string_view::npos || end == std::string_view::npos)
      throw std::runtime_error("no " + std::string(before) + " in " + std::string(text));
    return text.substr(at + before.size(), end - at - before.size());
  }

  [[nodiscard]] put_answer send(std::string_view method, std::string_view bucket, std::string_view key,
                                const parameters& query, const source& body) {
    const bool kept = static_cast<bool>(fd_);
    try {
      return attempt(method, bucket, key, query, body);
    } catch (const std::system_error&) {
      fd_.reset();
      if (!kept) throw;
    }
    return attempt(method, bucket, key, query, body);  // the server had closed the kept connection
  }

  [[nodiscard]] put_answer attempt(std::string_view method, std::string_view bucket, std::string_view key,
                                   const parameters& query, const source& body) {
    if (!fd_) connect();
    write_head(method, bucket, key, query, body);
    write_body(body);
    return read_answer();
  }

  void write_head(std::string_view method, std::string_view bucket, std::string_view key, const parameters& query,
                  const source& body) {
    std::string path = "/" + std::string(bucket);
    if (!key.empty()) append_uri_encoded(path += '/', key, slash::keep);
    std::vector<std::pair<std::string, std::string>> encoded;
    for (const auto& [name, value] : query) {
      append_uri_encoded(encoded.emplace_back().first, name, slash::encode);
      append_uri_encoded(encoded.back().second, value, slash::encode);
    }
    std::vector<aws::query_parameter> sorted;
    for (const auto& [name, value] : encoded) sorted.push_back({name, value});
    std::string canonical;
    aws::append_canonical_query(canonical, sorted);

    std::string hash(aws::unsigned_payload);
    if (body.is_text) {
      digest made;
      made.update(body.text);
      hash.resize(64);
      write_hex(made.finish(), hash.data());
    }
    const wall_time now = std::chrono::system_clock::now();
    const std::string length = std::to_string(body.size);
    std::vector<aws::signed_header> headers{
        {"content-length", length}, {"host", host_}, {"x-amz-content-sha256", hash}, {"x-amz-date", signer_.amz_date(now)}};
    headers.insert(headers.end(), more_headers_.begin(), more_headers_.end());  // in order, as they are
    aws::signature signature;
    if (signer_.sign({.method = method, .path = path, .query = canonical, .headers = headers, .payload_hash = hash}, now,
                     signature))
      throw std::runtime_error("the request cannot be signed");
    std::array<char, 16 << 10> buffer;
    http::request_writer writer(buffer);
    writer.begin(method, canonical.empty() ? path : path + '?' + canonical);
    for (const auto& [name, value] : headers) writer.header(name, value);
    writer.header("authorization", signature.authorization());
    const auto head = writer.finish();
    if (head.empty()) throw std::runtime_error("the request cannot be written: " + writer.error().message());
    write(head);
  }

  void write_body(const source& body) {
    if (body.is_text) return write(std::as_bytes(std::span(body.text)));
    std::vector<std::byte> piece(std::min<std::uint64_t>(body.size, 256 << 10));
    for (std::uint64_t at = 0; at < body.size; at += piece.size()) {
      const auto now = std::span(piece).first(std::min<std::uint64_t>(piece.size(), body.size - at));
      body.all.fill(body.first + at, now);
      write(now);
    }
  }

  [[nodiscard]] put_answer read_answer() {
    http::response_parser parser;
    put_answer made;
    std::array<std::byte, 16 << 10> buffer;
    for (;;) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) throw std::system_error(got == 0 ? ECONNRESET : errno, std::system_category(), "recv");
      std::span<const std::byte> input = std::span(buffer).first(static_cast<std::size_t>(got));
      for (;;) {
        const http::step next = parser.feed(input);
        input = input.subspan(next.consumed);
        if (next.kind == http::step_kind::need_more) break;
        if (next.kind == http::step_kind::error) throw std::runtime_error("bad answer: " + next.error.message());
        if (next.kind == http::step_kind::body) made.body += as_chars(next.body);
        if (next.kind == http::step_kind::head) {
          made.status = parser.status();
          made.etag = parser.header("etag").value_or("");
          made.version_id = parser.header("x-amz-version-id").value_or("");
        }
        if (next.kind == http::step_kind::end) {
          if (!parser.keep_alive()) fd_.reset();
          return made;
        }
      }
    }
  }

  void connect() {
    const std::size_t colon = host_.rfind(':');
    sockaddr_in where{};
    where.sin_family = AF_INET;
    std::uint16_t port = 0;
    std::from_chars(host_.data() + colon + 1, host_.data() + host_.size(), port);
    where.sin_port = htons(port);
    if (::inet_pton(AF_INET, host_.substr(0, colon).c_str(), &where.sin_addr) != 1)
      throw std::runtime_error("not an address: " + host_);
    fd_ = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
      throw std::system_error(errno, std::system_category(), "connect");
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) throw std::system_error(errno, std::system_category(), "send");
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }

  std::string host_;
  aws::signer signer_;
  std::vector<aws::signed_header> more_headers_;
  unique_fd fd_;
};

}  // namespace s3pager::test
