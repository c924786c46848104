// Answers to ListObjectsV2 that are made beforehand, and a thread that gives nothing else: what a list costs its client, and
// not what it costs to make. Knows no requests but where their heads end.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"

namespace s3pager::test {

struct canned_list_options {
  std::size_t keys = 1000;  ///< a page
  std::size_t pages = 1;    ///< of a list
  bool with_owner = false;  ///< as fetch-owner asks for
  bool chunked = false;     ///< in pieces of 8 KiB, as AWS sends it; else with its length
};

/// A page as AWS writes it today: keys of 62 bytes, 66 as they are encoded. Its token stands for page 1.
[[nodiscard]] inline std::string canned_list(const canned_list_options& how = {}) {
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Name>logs</Name><Prefix>logs/date%3D2026-11</Prefix>"
      "<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J+wm36Hy4v-00000001</NextContinuationToken>"
      "<KeyCount>" + std::to_string(how.keys) + "</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>"
      "<IsTruncated>true</IsTruncated>";
  char text[512];
  for (std::size_t i = 0; i < how.keys; ++i) {
    std::snprintf(text, sizeof text,
                  "<Contents><Key>logs/date%%3D2026-11-23/hour%%3D%02zu/%06zu-host.example-access.log.gz</Key>"
                  "<LastModified>2026-11-23T%02zu:%02zu:%02zu.000Z</LastModified>"
                  "<ETag>&quot;%032zx&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
                  "<ChecksumType>FULL_OBJECT</ChecksumType><Size>%zu</Size>",
                  i / 3600 % 24, i, i / 3600 % 24, i / 60 % 60, i % 60, i * 0x9E3779B97F4A7C15U, i * 7919);
    xml += text;
    if (how.with_owner) xml += "<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>";
    xml += "<StorageClass>STANDARD</StorageClass></Contents>";
  }
  return xml + "</ListBucketResult>";
}

/// Serves one connection after another, until it is destroyed. The `pages`-th answer on a connection ends the list.
class canned_list_server {
 public:
  explicit canned_list_server(const canned_list_options& how) : pages_(how.pages), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    answer_ = answer_of(canned_list(how), how.chunked);
    counter_ = answer_.find("-00000001<") + 1;
    std::string last = canned_list(how);
    last.replace(last.find("true</IsTruncated>"), 4, "false");
    last_ = answer_of(last, how.chunked);
    sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof at;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_.get(), 8) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::system_error(errno_code(errno), "a server of canned lists");
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  canned_list_server(const canned_list_server&) = delete;
  canned_list_server& operator=(const canned_list_server&) = delete;
  /// No client may be connected any more.
  ~canned_list_server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::size_t answer_bytes() const noexcept { return answer_.size(); }

 private:
  static std::string answer_of(std::string_view body, bool chunked) {
    std::string answer = "HTTP/1.1 200 OK\r\nx-amz-request-id: 4442587FB7D0A2F9\r\nContent-Type: application/xml\r\nServer: AmazonS3\r\n";
    if (!chunked) return answer + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    answer += "Transfer-Encoding: chunked\r\n\r\n";
    for (; !body.empty(); body.remove_prefix(std::min<std::size_t>(body.size(), 8192))) {
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", std::min<std::size_t>(body.size(), 8192));
      answer += size;
      answer += body.substr(0, 8192);
      answer += "\r\n";
    }
    return answer + "0\r\n\r\n";
  }

  void serve() {
    for (;;) {
      const unique_fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) return;
      for (std::size_t page = 1; wait_for_request(peer.get()); ++page) {
        std::memcpy(answer_.data() + counter_, std::to_string(100'000'000 + page).data() + 1, 8);
        std::string_view rest = page < pages_ ? answer_ : last_;
        while (!rest.empty()) {
          const ssize_t sent = ::send(peer.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
          if (sent <= 0) break;
          rest.remove_prefix(static_cast<std::size_t>(sent));
        }
      }
    }
  }

  /// False at the end of the connection.
  [[nodiscard]] static bool wait_for_request(int peer) {
    char bytes[16 * 1024];
    std::size_t size = 0;
    for (;;) {
      const ssize_t got = ::recv(peer, bytes + size, sizeof bytes - size, 0);
      if (got <= 0) return false;
      size += static_cast<std::size_t>(got);
      if (std::string_view(bytes, size).ends_with("\r\n\r\n")) return true;
    }
  }

  std::size_t pages_;
  unique_fd listener_;
  std::uint16_t port_ = 0;
  std::string answer_;
  std::string last_;
  std::size_t counter_ = 0;  // where the token's is
  std::thread thread_;
};

}  // namespace s3pager::test
