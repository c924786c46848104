// One call by libcurl: its easy handle, what is sent, what comes back, its limits, and who waits for it. Knows requests and answers
// as control_message.hpp has them.
#pragma once

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/net/detail/curl_multi.hpp"
#include "s3pager/net/proxy.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::net::detail {

/// Text that grows, and is overwritten when it moves or goes.
class wiped_text {
 public:
  wiped_text() noexcept = default;
  wiped_text(const wiped_text&) = delete;
  wiped_text& operator=(const wiped_text&) = delete;
  wiped_text(wiped_text&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)), room_(std::exchange(other.room_, 0)) {}
  wiped_text& operator=(wiped_text&&) = delete;
  ~wiped_text() { wipe(); }

  void append(std::string_view more) {
    if (more.empty()) return;
    if (more.size() > room_ - size_) {
      const std::size_t room = std::max({std::size_t{256}, 2 * room_, size_ + more.size()});
      auto larger = std::make_unique<char[]>(room);
      if (size_ != 0) std::memcpy(larger.get(), bytes_.get(), size_);
      wipe();
      bytes_ = std::move(larger);
      room_ = room;
    }
    std::memcpy(bytes_.get() + size_, more.data(), more.size());
    size_ += more.size();
  }
  void clear() noexcept {
    wipe();
    size_ = 0;
  }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] char* data() noexcept { return bytes_.get(); }

 private:
  void wipe() noexcept {
    if (bytes_) ::explicit_bzero(bytes_.get(), room_);
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

/// A list of lines for curl, which only reads it: of memory that is wiped, where curl_slist_append makes copies that are not.
class curl_lines {
 public:
  curl_lines() = default;
  curl_lines(const curl_lines&) = delete;
  curl_lines& operator=(const curl_lines&) = delete;

  void add(std::initializer_list<std::string_view> parts) {
    wiped_text& line = lines_.emplace_back();
    for (const std::string_view part : parts) line.append(part);
    line.append(std::string_view("", 1));
  }
  /// Until the next add().
  [[nodiscard]] curl_slist* list() {
    nodes_.resize(lines_.size());
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      nodes_[i].data = lines_[i].data();
      nodes_[i].next = i + 1 < lines_.size() ? &nodes_[i + 1] : nullptr;
    }
    return nodes_.empty() ? nullptr : nodes_.data();
  }

 private:
  std::vector<wiped_text> lines_;
  std::vector<curl_slist> nodes_;
};

/// Where a request goes.
struct control_target {
  bool tls = false;
  std::string host = {};  ///< without brackets
  std::uint16_t port = 0;

  [[nodiscard]] std::string where() const { return host + " port " + std::to_string(port); }
};

/// What is wrong with a request is said without its values: throws error (invalid_argument).
[[nodiscard]] inline control_target check_request(const control_request& what) {
  const auto refuse = [](const std::string& why) { throw error(errc::invalid_argument, "control_request." + why); };
  control_target made;
  std::string_view rest = what.url;
  const auto begins = [&rest](std::string_view scheme) {
    if (!equals_ignoring_case(rest.substr(0, scheme.size()), scheme)) return false;
    rest.remove_prefix(scheme.size());
    return true;
  };
  made.tls = begins("https://");
  if (!made.tls && !begins("http://")) refuse("url is neither http:// nor https://");
  for (const char c : what.url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) refuse("url has a blank or a control character, which is to be percent-encoded");
  const auto parsed = parse_authority(rest.substr(0, rest.find_first_of("/?#")));
  if (!parsed) refuse("url " + parsed.message());
  made.host = parsed.value().host;
  made.port = parsed.value().port != 0 ? parsed.value().port : made.tls ? 443 : 80;
  if (what.method != "GET" && what.method != "PUT" && what.method != "POST") refuse("method is none of GET, PUT and POST");
  if (what.method == "GET" && !what.body.empty()) refuse("body is not empty, and the method is GET");
  for (const control_header& each : what.headers) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    const bool name = !each.name.empty() && std::all_of(each.name.begin(), each.name.end(), [&](char c) {
      const char lower = ascii_lower(c);
      return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || others.find(c) != others.npos;
    });
    if (!name) refuse("headers has a name that is no token");
    const std::string_view value = each.value.view();
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      refuse("headers: the value of " + each.name + " has a line break or a NUL");
  }
  return made;
}

/// That a limit of the request's has passed.
[[nodiscard]] inline error late(const std::string& doing, const std::string& step, const control_request& what, bool connecting) {
  return error(errc::timed_out, doing + ": " + step + " took longer than the " + (connecting ? "connect limit" : "limit") + " of " +
                                    to_text(connecting ? what.connect_limit : what.limit));
}

/// In the frame of who makes the call: `what` outlives it. Dropping it takes its handle from curl, whatever it is doing.
class curl_call final : private curl_transfer {
 public:
  curl_call(ring::reactor& loop, curl_multi& curl, const control_request& what)
      : loop_(loop), curl_(curl), what_(what), easy_(::curl_easy_init()) {
    if (!easy_) throw std::bad_alloc();
    set(CURLOPT_PRIVATE, static_cast<curl_transfer*>(this));
    set_limits_of_curl();
    set_request();
    set(CURLOPT_OPENSOCKETFUNCTION, &curl_call::open_socket);
    set(CURLOPT_WRITEFUNCTION, &curl_call::body_came);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &curl_call::header_came);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_PREREQFUNCTION, &curl_call::connected);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_ERRORBUFFER, said_);
  }
  curl_call(const curl_call&) = delete;
  curl_call& operator=(const curl_call&) = delete;
  ~curl_call() { leave(); }

  /// Files of PEM certificates, or directories of them; both empty: as curl was built.
  void trust(const std::string& ca_file, const std::string& ca_directory) {
    if (ca_file.empty() && ca_directory.empty()) return;
    const char* const file = ca_file.empty() ? nullptr : ca_file.c_str();
    const char* const directory = ca_directory.empty() ? nullptr : ca_directory.c_str();
    set(CURLOPT_CAINFO, file);
    set(CURLOPT_CAPATH, directory);
    set(CURLOPT_PROXY_CAINFO, file);
    set(CURLOPT_PROXY_CAPATH, directory);
  }

  /// By these addresses of the host that is to be connected to: the proxy's if there is one.
  void connect_by(const std::string& host, std::uint16_t port, const std::vector<ring::socket_address>& addresses,
                  const std::optional<proxy>& by) {
    const bool v6_literal = host.find(':') != host.npos;
    // An empty name turns off what the environment has.
    set(CURLOPT_PROXY, "");
    if (by) {
      const std::string url = (by->tls ? "https://" : "http://") + (v6_literal ? "[" + host + "]" : host) + ':' + std::to_string(port);
      set(CURLOPT_PROXY, url.c_str());
      set(CURLOPT_NOPROXY, "");
      if (!by->authorization.empty()) {
        proxy_headers_.add({"Proxy-Authorization: ", by->authorization.view()});
        set(CURLOPT_PROXYHEADER, proxy_headers_.list());
      }
    }
    in_addr v4{};
    if (v6_literal || ::inet_pton(AF_INET, host.c_str(), &v4) == 1) return;
    std::string entry = host + ':' + std::to_string(port);
    char separator = ':';
    for (const ring::socket_address& each : addresses) {
      char text[INET6_ADDRSTRLEN];
      const bool v6 = each.family() == AF_INET6;
      const void* const bytes = v6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&each.storage)->sin6_addr)
                                   : &reinterpret_cast<const sockaddr_in*>(&each.storage)->sin_addr;
      if (::inet_ntop(each.family(), bytes, text, sizeof text) == nullptr) continue;
      entry += std::exchange(separator, ',');
      entry += v6 ? "[" + std::string(text) + "]" : std::string(text);
    }
    known_.add({entry});
    set(CURLOPT_RESOLVE, known_.list());
  }

  /// Begins it, and waits until it has ended. With a stop it has not.
  class end_awaiter final : public coro::stoppable_waiter {
   public:
    end_awaiter(curl_call& of, time_point connected_by, time_point ended_by) noexcept
        : of_(of), connected_by_(connected_by), ended_by_(ended_by) {}
    end_awaiter(const end_awaiter&) = delete;
    end_awaiter& operator=(const end_awaiter&) = delete;
    ~end_awaiter() { of_.waiting_ = nullptr; }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) {
      of_.begin(connected_by_, ended_by_);
      if (!arm(handle, site)) return false;
      of_.waiting_ = this;
      return true;
    }
    void await_resume() const noexcept {}

   private:
    friend class curl_call;
    curl_call& of_;
    time_point connected_by_;
    time_point ended_by_;
  };

  /// What came, or why nothing did: throws error.
  [[nodiscard]] control_answer take(const std::string& doing, const control_target& target) {
    leave();
    if (late_ && connected_) throw late(doing, "the answer", what_, false);
    if (late_) throw unreachable_host(late(doing, "connecting", what_, what_.connect_limit <= what_.limit));
    if (how_ != CURLE_OK && no_way_there()) throw unreachable_host(failure(doing, target));
    if (how_ != CURLE_OK) throw failure(doing, target);
    control_answer made;
    long status = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    made.status = static_cast<int>(status);
    made.body = secret(body_.view());
    made.headers = std::move(headers_);
    return made;
  }

 private:
  static constexpr std::size_t most_header_bytes = 64 * 1024;

  class limit_timer final : public ring::timer {
   public:
    explicit limit_timer(curl_call& of) noexcept : of_(of) {}

   private:
    void expired() noexcept override { of_.limit_passed(); }
    curl_call& of_;
  };

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode how = ::curl_easy_setopt(easy_.get(), option, value);
    if (how == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (how != CURLE_OK)
      throw error(errc::unavailable, "this libcurl lacks option " + std::to_string(option) + ": " + ::curl_easy_strerror(how));
  }

  void set_limits_of_curl() {
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // The limits are kept by timers. Curl has its own time, and a part of the limit for each address, so that one that drops what it is sent
    // is passed by; but none where the reactor's clock is moved by hand.
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(std::min<duration>(what_.connect_limit, std::chrono::hours(24)));
    set(CURLOPT_CONNECTTIMEOUT_MS, loop_.clock().runs() ? static_cast<long>(limit.count()) : 7L * 24 * 3600 * 1000);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    set(CURLOPT_PATH_AS_IS, 1L);
  }

  void set_request() {
    set(CURLOPT_URL, what_.url.c_str());
    if (what_.method == "GET") {
      set(CURLOPT_HTTPGET, 1L);
    } else {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what_.body.view().size()));
      set(CURLOPT_POSTFIELDS, what_.body.empty() ? "" : what_.body.view().data());
      set(CURLOPT_CUSTOMREQUEST, what_.method.c_str());
    }
    // What curl adds by itself; a name with a colon alone leaves it out.
    for (const std::string_view name : {"Expect", "Accept", "Content-Type"}) {
      const bool given = std::any_of(what_.headers.begin(), what_.headers.end(),
                                     [name](const control_header& each) { return equals_ignoring_case(each.name, name); });
      if (!given) lines_.add({name, ":"});
    }
    for (const control_header& each : what_.headers) {
      if (each.value.view().find_first_not_of(" \t") == std::string_view::npos)
        lines_.add({each.name, ";"});
      else
        lines_.add({each.name, ": ", each.value.view()});
    }
    set(CURLOPT_HTTPHEADER, lines_.list());
  }

  void begin(time_point connected_by, time_point ended_by) {
    loop_.timers().arm(connecting_, connected_by);
    loop_.timers().arm(all_, ended_by);
    curl_.add(easy_.get());
    added_ = true;
  }
  void leave() noexcept {
    connecting_.disarm();
    all_.disarm();
    if (std::exchange(added_, false)) curl_.remove(easy_.get());
  }
  void finish() noexcept {
    connecting_.disarm();
    all_.disarm();
    if (end_awaiter* who = std::exchange(waiting_, nullptr); who != nullptr && !who->stopped()) who->wake();
  }
  void ended(CURLcode how) noexcept override {
    if (late_) return;
    how_ = how;
    finish();
  }
  void limit_passed() noexcept {
    late_ = true;
    finish();
  }

  static curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  }
  static int connected(void* self, char*, char*, int, int) noexcept {
    auto& that = *static_cast<curl_call*>(self);
    that.connected_ = true;
    that.connecting_.disarm();
    return CURL_PREREQFUNC_OK;
  }
  static std::size_t body_came(const char* bytes, std::size_t, std::size_t size, void* self) noexcept {
    auto& that = *static_cast<curl_call*>(self);
    that.too_long_ = size > that.what_.most_bytes - that.body_.size();
    if (that.too_long_) return 0;
    try {
      that.body_.append({bytes, size});
    } catch (const std::bad_alloc&) {
      return CURL_WRITEFUNC_ERROR;
    }
    return size;
  }
  static std::size_t header_came(const char* bytes, std::size_t, std::size_t size, void* self) noexcept {
    try {
      return static_cast<curl_call*>(self)->take_header({bytes, size}) ? size : CURL_WRITEFUNC_ERROR;
    } catch (const std::bad_alloc&) {
      return CURL_WRITEFUNC_ERROR;
    }
  }
  bool take_header(std::string_view line) {
    header_bytes_ += line.size();
    many_headers_ = header_bytes_ > most_header_bytes;
    if (many_headers_) return false;
    while (!line.empty() && std::string_view("\r\n \t").find(line.back()) != std::string_view::npos) line.remove_suffix(1);
    if (!in_head_ && line.starts_with("HTTP/")) {  // of an interim answer, or the final one
      headers_.clear();
      body_.clear();
      in_head_ = true;
      return true;
    }
    if (line.empty()) in_head_ = false;
    const std::size_t colon = line.find(':');
    if (!in_head_ || colon == std::string_view::npos) return true;  // trailers are not kept
    std::string name(line.substr(0, colon));
    for (char& c : name) c = ascii_lower(c);
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    headers_.push_back(control_header{std::move(name), secret(value)});
    return true;
  }

  /// Not for want of something here: memory, a descriptor.
  [[nodiscard]] bool no_way_there() const noexcept {
    const int number = system_error_number();
    return how_ == CURLE_COULDNT_CONNECT && number != 0 && number != EMFILE && number != ENFILE && number != ENOBUFS && number != ENOMEM;
  }
  [[nodiscard]] int system_error_number() const noexcept {
    long number = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number);
    return static_cast<int>(number);
  }

  /// Curl's own words about this call may hold what the peer sent; they are quoted of certificates alone.
  [[nodiscard]] error failure(const std::string& doing, const control_target& target) const {
    const std::string_view said(said_);
    const auto mentions = [said](std::string_view words) { return said.find(words) != said.npos; };
    std::string why = doing + ": " + ::curl_easy_strerror(how_);
    const int error_number = system_error_number();
    const std::string system = error_number != 0 ? " (" + errno_code(error_number).message() + ")" : std::string();
    switch (how_) {
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_RESOLVE_PROXY:
      case CURLE_COULDNT_CONNECT:
      case CURLE_PROXY: return error(errc::unavailable, why + system);
      case CURLE_OUT_OF_MEMORY:
      case CURLE_FAILED_INIT:
      case CURLE_ABORTED_BY_CALLBACK: return error(errc::unavailable, doing + ": no memory, or no descriptor, is left");
      case CURLE_OPERATION_TIMEDOUT: return error(errc::timed_out, std::move(why));
      case CURLE_SSL_CACERT_BADFILE:
        return error(errc::invalid_argument, doing + ": the certificates of control_options can't be read, or are none");
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_ISSUER_ERROR:
      case CURLE_SSL_INVALIDCERTSTATUS: return error(errc::untrusted_peer, doing + ": " + std::string(said.empty() ? why : said));
      case CURLE_SSL_CONNECT_ERROR:
        if (error_number == ECONNRESET || mentions("SYSCALL") || mentions("unexpected eof"))
          return error(errc::connection_lost, doing + ": the connection ended during the TLS handshake");
        return error(errc::protocol_violation, doing + ": the TLS handshake failed");
      case CURLE_WRITE_ERROR:
        if (too_long_)
          return error(errc::protocol_violation, doing + ": the answer's body is longer than " + std::to_string(what_.most_bytes) + " bytes");
        if (many_headers_)
          return error(errc::protocol_violation, doing + ": the answer's headers are longer than " + std::to_string(most_header_bytes) + " bytes");
        return error(errc::unavailable, doing + ": no memory is left for the answer");
      case CURLE_GOT_NOTHING:
      case CURLE_PARTIAL_FILE:
      case CURLE_SEND_ERROR: return error(errc::connection_lost, why + system);
      case CURLE_RECV_ERROR: {
        long answered = 0;
        ::curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &answered);
        if (mentions("CONNECT tunnel") && answered != 0)
          return error(errc::unavailable, doing + ": the proxy refuses to connect to " + target.where() + ", with status " + std::to_string(answered));
        if (mentions("chunk")) return error(errc::protocol_violation, doing + ": the answer's chunks are malformed");
        return error(errc::connection_lost, why + system);
      }
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_WEIRD_SERVER_REPLY: return error(errc::protocol_violation, doing + ": the answer is not HTTP/1");
      case CURLE_URL_MALFORMAT: return error(errc::invalid_argument, doing + ": control_request.url is malformed");
      default: return error(errc::protocol_violation, std::move(why));
    }
  }

  ring::reactor& loop_;
  curl_multi& curl_;
  const control_request& what_;
  curl_lines lines_;          // curl reads them as long as there is a handle
  curl_lines proxy_headers_;
  curl_lines known_;
  char said_[CURL_ERROR_SIZE] = {};
  struct cleanup {
    void operator()(CURL* easy) const noexcept { ::curl_easy_cleanup(easy); }
  };
  std::unique_ptr<CURL, cleanup> easy_;
  limit_timer connecting_{*this};
  limit_timer all_{*this};
  end_awaiter* waiting_ = nullptr;
  CURLcode how_ = CURLE_OK;
  bool added_ = false;
  bool connected_ = false;
  bool late_ = false;
  bool too_long_ = false;
  bool many_headers_ = false;
  bool in_head_ = false;
  std::size_t header_bytes_ = 0;
  wiped_text body_;
  std::vector<control_header> headers_;
};

}  // namespace s3pager::net::detail
