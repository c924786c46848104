// Where a bucket is, and by what its requests are signed: as far as is known now. Knows no request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/endpoint.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/identity/credentials_cache.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "s3pager/net/proxy.hpp"

namespace s3pager::s3 {

/// One a bucket and client; counted, as requests refer to it. It has no place before the region is known, and another one when
/// the service has said that the bucket is elsewhere: whoever goes on after a wait asks it anew.
class bucket_target final : public counted {
 public:
  /// Without credentials its requests go unsigned.
  bucket_target(std::string name, ref<identity::credentials_cache> credentials)
      : name_(std::move(name)), credentials_(std::move(credentials)) {}
  /// Of a URL: its requests go there for good, unsigned. Its name is the URL's host.
  bucket_target(aws::endpoint where, ref<net::host> host, std::optional<net::proxy> via) : name_(where.host_header), fixed_(true) {
    place(std::move(where), std::move(host), std::move(via));
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// That the service named for it; empty: it has named none.
  [[nodiscard]] const std::string& named_region() const noexcept { return named_region_; }
  void name_region(std::string region) { named_region_ = std::move(region); }

  /// Whether it is where it is, whatever a service says.
  [[nodiscard]] bool fixed() const noexcept { return fixed_; }

  /// Whether the following four may be asked for.
  [[nodiscard]] bool placed() const noexcept { return static_cast<bool>(host_); }
  [[nodiscard]] const aws::endpoint& where() const noexcept { return where_; }
  /// Whom to connect to: a proxy if there is one.
  [[nodiscard]] const ref<net::host>& host() const noexcept { return host_; }
  /// The proxy that the requests are addressed to.
  [[nodiscard]] const std::optional<net::proxy>& via() const noexcept { return via_; }
  void place(aws::endpoint where, ref<net::host> host, std::optional<net::proxy> via) {
    where_ = std::move(where);
    host_ = std::move(host);
    via_ = std::move(via);
    signer_.reset();
  }

  /// A session that the place asks for: its requests are signed by these from now on.
  void use_session(ref<identity::credentials_cache> session) {
    session_ = std::move(session);
    signer_.reset();
  }

  /// Null: unsigned.
  [[nodiscard]] identity::credentials_cache* credentials() const noexcept { return session_ ? session_.get() : credentials_.get(); }
  /// The header that the token of its credentials goes into.
  [[nodiscard]] std::string_view token_header() const noexcept { return session_ ? "x-amz-s3session-token" : "x-amz-security-token"; }
  /// The same in a presigned URL.
  [[nodiscard]] std::string_view token_parameter() const noexcept { return session_ ? "X-Amz-S3session-Token" : "X-Amz-Security-Token"; }
  /// Whether a request can be sent at `now`, without a wait for what it has to know.
  [[nodiscard]] bool ready(wall_time now) { return placed() && (!credentials() || credentials()->current(now) != nullptr); }

  /// By the newest credentials; null: unsigned. It must be placed, and the cache have some.
  [[nodiscard]] aws::signer* signer() {
    if (!credentials()) return nullptr;
    const ref<identity::held_credentials>& held = credentials()->latest();
    if (held->value.anonymous()) return nullptr;
    if (!signer_)
      signer_.emplace(held->value, where_.signing_region, where_.signing_name);
    else if (signer_generation_ != held->generation)
      signer_->set_credentials(held->value);
    signer_generation_ = held->generation;
    return &*signer_;
  }

 private:
  const std::string name_;
  const ref<identity::credentials_cache> credentials_;
  ref<identity::credentials_cache> session_;  // null: it has none
  const bool fixed_ = false;
  std::string named_region_;
  aws::endpoint where_;
  ref<net::host> host_;
  std::optional<net::proxy> via_;
  std::optional<aws::signer> signer_;
  std::uint64_t signer_generation_ = 0;
};

}  // namespace s3pager::s3
