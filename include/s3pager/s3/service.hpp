// What all requests of a client share: where buckets are, the signer, connections, deadlines, counters.
// Writes and signs request heads; knows no operation.
#pragma once

#include <string.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/endpoint.hpp"
#include "s3pager/aws/presigned_url.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/request_writer.hpp"
#include "s3pager/identity/credentials_cache.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/region_lookup.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/proxy.hpp"
#include "s3pager/net/route.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/s3/bucket_session.hpp"
#include "s3pager/s3/bucket_target.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/deadlines.hpp"
#include "s3pager/s3/hedge.hpp"
#include "s3pager/s3/observer.hpp"
#include "s3pager/s3/retry.hpp"
#include "s3pager/tls/context.hpp"
#include "s3pager/tls/in_place.hpp"
#include "s3pager/version.hpp"

namespace s3pager::s3 {

/// Whom TLS trusts, and as whom it presents itself (tls::context_options). Without a file or directory it trusts the system's authorities.
struct tls_settings {
  std::string ca_file = {};
  std::string ca_directory = {};
  std::string client_certificate_file = {};
  std::string client_key_file = {};
  bool insecure_skip_verification = false;
};

struct service_settings {
  std::shared_ptr<credentials_provider> credentials_from = {};  ///< null: these
  aws::credentials credentials = {};  ///< anonymous: requests go unsigned
  std::string region = "us-east-1";   ///< empty: asked for
  std::shared_ptr<region_provider> region_from = {};  ///< null: it is us-east-1
  ref<net::control_driver> control = {};  ///< asks for sessions at directory buckets; null: there are none
  std::string endpoint_url = {};
  std::string connect_host = {};      ///< connect here instead of to the endpoint's host; empty: don't
  std::uint16_t connect_port = 0;     ///< 0: the endpoint's
  aws::endpoint_options rules = {};   ///< without region, endpoint URL and bucket
  s3::deadlines deadlines = {};
  net::pool_options connections = {};
  tls_settings tls = {};
  std::optional<net::proxy> proxy = {};  ///< for all requests; none: the environment's
  bool direct = false;                ///< no proxy at all
  environment_lookup environment = process_environment;  ///< where proxies are found
  s3pager::observer* observer = nullptr;
  std::string user_agent_suffix = {};  ///< a space and this behind the library's name and version; empty: nothing
  retry_policy retry = {};
  std::uint64_t jitter_seed = 0;
  hedge_policy hedge = {};
};

/// What one request asks for besides what every request has.
struct request_spec {
  std::string_view key = {};    ///< not encoded; empty for the bucket itself
  std::string_view target = {};  ///< path and query, to be sent as they are, instead of those of the key; empty: none
  std::string_view query = {};  ///< canonical (aws/canonical_query.hpp)
  std::span<const aws::signed_header> headers = {};  ///< lower-case names; all are signed
  const common_headers* common = nullptr;  ///< as well; none of the same names; null: none
};

class service final : public counted {
 public:
  service(ring::reactor& loop, service_settings settings)
      : loop_(loop),
        settings_(std::move(settings)),
        pool_(loop, settings_.connections),
        retries_(settings_.retry, settings_.jitter_seed),
        hedging_(settings_.hedge) {
    if (!settings_.user_agent_suffix.empty()) user_agent_ += ' ' + settings_.user_agent_suffix;
    // Once, as it says for good how much TLS there may be: lead_bytes().
    const bool looks_for_proxies = !settings_.direct && settings_.connect_host.empty() && settings_.connect_port == 0;
    const bool by_tls = aws::uses_tls(settings_.endpoint_url);
    if (looks_for_proxies) environment_ = net::environment_proxy(by_tls, settings_.environment);
    if (looks_for_proxies) other_environment_ = net::environment_proxy(!by_tls, settings_.environment);
    if (settings_.credentials_from)
      credentials_ = make_ref<identity::credentials_cache>(loop_, settings_.credentials_from, settings_.deadlines.credentials);
    else if (!settings_.credentials.anonymous())
      credentials_ = make_ref<identity::credentials_cache>(loop_, std::move(settings_.credentials));
    // An endpoint of one's own is there whatever the region is called.
    if (settings_.region.empty() && settings_.region_from && settings_.endpoint_url.empty())
      region_ = make_ref<identity::region_lookup>(loop_, settings_.region_from, std::string(default_region),
                                                  settings_.deadlines.credentials);
    else if (settings_.region.empty())
      settings_.region = default_region;
  }

  [[nodiscard]] ring::reactor& loop() const noexcept { return loop_; }
  [[nodiscard]] const service_settings& settings() const noexcept { return settings_; }
  /// Requests are surely not signed. (A provider may give anonymous credentials all the same.)
  [[nodiscard]] bool anonymous() const noexcept { return !credentials_; }
  [[nodiscard]] s3pager::observer* observer() const noexcept { return settings_.observer; }
  [[nodiscard]] retry_budget& retries() noexcept { return retries_; }
  /// The time as the service has it, as far as that is known: what requests are signed with.
  [[nodiscard]] wall_time service_time() const noexcept { return loop_.clock().wall() + clock_offset_; }
  [[nodiscard]] duration clock_offset() const noexcept { return clock_offset_; }
  void set_clock_offset(duration ahead) noexcept { clock_offset_ = ahead; }
  [[nodiscard]] hedge_budget& hedging() noexcept { return hedging_; }
  [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }
  [[nodiscard]] net::pool_statistics connections() const noexcept { return pool_.statistics(); }
  [[nodiscard]] std::uint64_t next_request_id() noexcept { return ++requests_; }

  /// Of `bucket`'s requests, in this region if one is given; kept. Throws error(invalid_argument) with the reason if there is no place that they could go to.
  [[nodiscard]] ref<bucket_target> bucket(std::string_view name, std::string_view region = {}) {
    std::string known_by(name);
    if (!region.empty()) (known_by += '\n') += region;  // that no name has
    if (const auto known = buckets_.find(known_by); known != buckets_.end()) return known->second;
    if (!region.empty() && !aws::is_region(region))
      throw error(errc::invalid_argument,
                  error_details{.message = "region is no region's name: a-z, 0-9 and '-' are needed", .bucket = std::string(name)});
    auto made = make_ref<bucket_target>(std::string(name), credentials_);
    made->name_region(std::string(region));
    if (!region.empty() || region_known()) place(*made);
    buckets_.emplace(std::move(known_by), made);
    return made;
  }

  /// Of a URL's requests. Throws error(invalid_argument) if a proxy is needed that is none, or no certificates can be read.
  [[nodiscard]] ref<bucket_target> target_of(const aws::presigned_url& url) {
    aws::endpoint where{.tls = url.tls, .host = url.host, .port = url.port, .host_header = url.host_header, .signing_name = {}};
    std::optional<net::proxy> via = proxy_of(where, {});
    net::route way = route_to(where, where.host, where.port, via, {});
    // Who the client is, is for its service to know.
    way.nameless = where.tls && trust_ != proxy_trust_;
    if (way.nameless) way.trust = proxy_trust_;
    if (where.tls) via.reset();
    return make_ref<bucket_target>(std::move(where), pool_.at(way), std::move(via));
  }

  /// Whether a request to it can be sent now, without prepare().
  [[nodiscard]] bool ready(bucket_target& target) {
    return target.ready(service_time());
  }
  /// Finds out what a request has to know: the region, and credentials. Throws error.
  [[nodiscard]] task<> prepare(ref<bucket_target> target) {
    if (!target->placed()) {
      if (!region_known()) co_await region_->wait();
      place(*target);
    }
    if (const ref<identity::credentials_cache> cache(target->credentials()); cache)
      co_await cache->wait([this] { return service_time(); });
  }

  /// The service says that the bucket is in `region`, to a request that was signed for `signed_region`. True if another one, signed for
  /// where the bucket is now, may go better.
  [[nodiscard]] bool moved(bucket_target& target, std::string_view region, std::string_view signed_region) {
    // Where a bucket with sessions is, its name says.
    if (target.fixed() || target.where().session || region == signed_region || !aws::is_region(region)) return false;
    if (region == target.where().signing_region) return true;  // another request was told so before
    std::string before = target.named_region();
    try {
      target.name_region(std::string(region));
      place(target);
    } catch (const error&) {
      target.name_region(std::move(before));
    }
    return target.where().signing_region != signed_region;
  }

  /// What has to lie free before the place in a slot that is received into, whatever bucket it is for.
  [[nodiscard]] std::size_t lead_bytes() const noexcept {
    const bool to_proxy = settings_.proxy ? settings_.proxy->tls : environment_.by_tls();
    return ((aws::uses_tls(settings_.endpoint_url) ? 1U : 0U) + (to_proxy ? 1U : 0U)) * tls::record_lead;
  }

  [[nodiscard]] net::connect_deadlines connect_deadlines(time_point latest) const noexcept {
    return {settings_.deadlines.resolve, settings_.deadlines.connect, settings_.deadlines.handshake, latest};
  }

  /// Writes a signed GET into `out`. Throws error(invalid_argument) if it does not fit or holds what no header can hold.
  [[nodiscard]] std::span<const std::byte> write_get(bucket_target& target, const request_spec& what,
                                                     std::span<char> out) {
    target_.clear();
    // A proxy is told whom the request is for (RFC 9112 3.2.2); what is signed is the path alone.
    if (target.via()) target_.append("http://").append(target.where().host_header);
    const std::size_t path_begins = target_.size();
    if (what.target.empty()) {
      target_ += target.where().path_prefix;
      target_ += '/';
      append_uri_encoded(target_, what.key, slash::keep);
    }
    const std::size_t path_size = target_.size() - path_begins;
    target_ += what.target;
    if (!what.query.empty()) (target_ += '?') += what.query;

    const wall_time now = service_time();
    header_list headers;
    headers.add("host", target.where().host_header);
    for (const std::span<const aws::signed_header> part : {what.headers, common_of(what)})
      for (const aws::signed_header& each : part) headers.add(each.name, each.value);
    aws::signature signature;
    aws::signer* const signer = target.signer();
    if (signer != nullptr) {
      headers.add("x-amz-content-sha256", aws::empty_payload_hash);
      headers.add("x-amz-date", signer->amz_date(now));
      if (const auto token = signer->current().session_token.view(); !token.empty()) headers.add(target.token_header(), token);
      const std::string_view whole(target_);
      if (const auto failed = signer->sign({.method = "GET",
                                             .path = whole.substr(path_begins, path_size),
                                             .query = what.query,
                                             .headers = headers.sorted(),
                                             .payload_hash = aws::empty_payload_hash},
                                            now, signature))
        throw refused(failed, target, what);
    }
    http::request_writer writer(out);
    writer.begin("GET", target_);
    if (!what.target.empty()) ::explicit_bzero(target_.data(), target_.size());
    for (const aws::signed_header& each : headers.sorted()) writer.header(each.name, each.value);
    if (signer != nullptr) writer.header("authorization", signature.authorization());
    if (target.via() && !target.via()->authorization.empty())
      writer.header("proxy-authorization", target.via()->authorization.view());
    writer.header("user-agent", user_agent_);
    const auto bytes = writer.finish();
    if (bytes.empty()) throw refused(writer.error(), target, what);
    return bytes;
  }

 private:
  static constexpr std::string_view default_region = "us-east-1";

  [[nodiscard]] bool region_known() const noexcept { return !region_ || region_->found() != nullptr; }
  [[nodiscard]] std::string_view region_of(const bucket_target& target) const noexcept {
    if (!target.named_region().empty()) return target.named_region();
    return region_ ? std::string_view(*region_->found()) : std::string_view(settings_.region);
  }

  void place(bucket_target& target) {
    aws::endpoint_options asked = settings_.rules;
    asked.region = region_of(target);
    asked.endpoint_url = settings_.endpoint_url;
    asked.bucket = target.name();
    auto found = aws::resolve_endpoint(asked);
    if (!found) throw error(errc::invalid_argument, error_details{.message = found.message(), .bucket = target.name()});
    aws::endpoint where = std::move(found).value();
    if (where.tls && !aws::uses_tls(settings_.endpoint_url))  // lead_bytes() has no room for it
      throw error(errc::invalid_argument,
                  error_details{.message = "this bucket is reached by TLS only: the endpoint URL must begin with https://",
                                .bucket = target.name()});
    std::optional<net::proxy> via = proxy_of(where, target.name());
    const std::string& host = settings_.connect_host.empty() ? where.host : settings_.connect_host;
    const std::uint16_t port = settings_.connect_port == 0 ? where.port : settings_.connect_port;
    ref<net::host> at = pool_.at(route_to(where, host, port, via, target.name()));
    if (where.tls) via.reset();  // it sees a tunnel, not the requests
    if (where.session && credentials_) {
      if (!settings_.connect_host.empty() || settings_.connect_port != 0 || settings_.tls.insecure_skip_verification ||
          !settings_.tls.client_certificate_file.empty())
        throw error(errc::invalid_argument,
                    error_details{.message = "this bucket needs sessions, which are asked for without connect_host, connect_port, "
                                             "client_certificate_file and insecure_skip_verification: leave them out, or set "
                                             "disable_s3_express_session_auth",
                                  .bucket = target.name()});
      if (!settings_.control)
        throw error(errc::invalid_argument, error_details{.message = "this bucket needs sessions, which this client can't ask for",
                                                          .bucket = target.name()});
      auto session = std::make_shared<bucket_session>(settings_.control, where, credentials_);
      target.use_session(make_ref<identity::credentials_cache>(loop_, std::move(session), settings_.deadlines.credentials));
    }
    target.place(std::move(where), std::move(at), std::move(via));
  }

  /// What stands between here and there; nothing if an address to connect to was given. Throws error(invalid_argument).
  [[nodiscard]] std::optional<net::proxy> proxy_of(const aws::endpoint& where, std::string_view bucket) const {
    if (settings_.proxy) return settings_.proxy;
    auto set = (where.tls == aws::uses_tls(settings_.endpoint_url) ? environment_ : other_environment_).for_host(where.host);
    if (!set) throw error(errc::invalid_argument, error_details{.message = set.message(), .bucket = std::string(bucket)});
    return std::move(set).value();
  }

  /// By `host` and `port`, where no proxy is to be gone through.
  [[nodiscard]] net::route route_to(const aws::endpoint& where, const std::string& host, std::uint16_t port,
                                    const std::optional<net::proxy>& via, std::string_view bucket) {
    net::route way;
    if (via) {
      way.host = via->host;
      way.port = via->port;
      way.tls_to_proxy = via->tls;
    } else {
      way.host = host;
      way.port = port;
    }
    if (where.tls) {
      way.tls_name = where.host;
      if (via) {
        const bool ipv6 = where.host.find(':') != std::string::npos;
        way.tunnel_to = (ipv6 ? "[" + where.host + "]:" : where.host + ":") + std::to_string(where.port);
        way.authorization = via->authorization;
      }
    }
    if (way.layers() > 0) make_trust(bucket);
    if (where.tls) way.trust = trust_;
    if (way.tls_to_proxy) way.proxy_trust = proxy_trust_;
    return way;
  }
  /// Made at its first use, as it reads files. Throws error(invalid_argument) that names the one that is no good.
  void make_trust(std::string_view bucket) {
    if (trust_) return;
    const tls_settings& how = settings_.tls;
    tls::context_options wanted{.system_trust = how.ca_file.empty() && how.ca_directory.empty(),
                                .ca_file = how.ca_file,
                                .ca_directory = how.ca_directory,
                                .insecure_skip_verification = how.insecure_skip_verification};
    try {
      // Who the client is, is for the service to know.
      proxy_trust_ = tls::context::make(wanted);
      wanted.client_certificate_file = how.client_certificate_file;
      wanted.client_key_file = how.client_key_file;
      const bool identified = !how.client_certificate_file.empty() || !how.client_key_file.empty();
      trust_ = identified ? tls::context::make(wanted) : proxy_trust_;
    } catch (const error& failed) {
      throw error(failed.code(), error_details{.message = failed.details().message, .bucket = std::string(bucket)});
    }
  }

  /// Few headers, kept in order of their names as they come: nearly sorted already.
  class header_list {
   public:
    void add(std::string_view name, std::string_view value) noexcept {
      assert(size_ < headers_.size());
      std::size_t at = size_++;
      for (; at > 0 && headers_[at - 1].name > name; --at) headers_[at] = headers_[at - 1];
      headers_[at] = {name, value};
    }
    [[nodiscard]] std::span<const aws::signed_header> sorted() const noexcept { return {headers_.data(), size_}; }

   private:
    std::array<aws::signed_header, 32> headers_;
    std::size_t size_ = 0;
  };

  [[nodiscard]] static std::span<const aws::signed_header> common_of(const request_spec& what) noexcept {
    return what.common != nullptr ? what.common->sorted() : std::span<const aws::signed_header>();
  }
  [[nodiscard]] static error refused(std::error_code why, const bucket_target& target, const request_spec& what) {
    return error(make_error_code(errc::invalid_argument),
                 error_details{.message = "this request can't be sent: " + why.message(),
                               .bucket = target.name(),
                               .key = std::string(what.key)});
  }

  ring::reactor& loop_;
  service_settings settings_;
  net::connection_pool pool_;
  net::environment_proxy environment_;        // for URLs of the endpoint's scheme
  net::environment_proxy other_environment_;  // and for others
  ref<tls::context> trust_;
  ref<tls::context> proxy_trust_;
  retry_budget retries_;
  hedge_budget hedging_;
  ref<identity::credentials_cache> credentials_;  // null: unsigned
  ref<identity::region_lookup> region_;           // null: it is known
  std::map<std::string, ref<bucket_target>, std::less<>> buckets_;
  std::string user_agent_ = "s3pager/" + std::string(version);
  std::string target_;  // scratch of write_get, kept for its memory
  std::uint64_t requests_ = 0;
  duration clock_offset_{0};  // what the service's clock is ahead of ours
};

}  // namespace s3pager::s3
