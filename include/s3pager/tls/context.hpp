// What the TLS connections of a client have in common: whom they trust, and as whom they present themselves. Reads files when it is
// made and knows no connection.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/tls/detail/openssl.hpp"
#include "s3pager/tls/detail/span_bio.hpp"
#include "s3pager/tls/record_keys.hpp"

namespace s3pager::tls {

/// Copied by context::make().
struct context_options {
  /// The authorities of the system, where OpenSSL was built to find them, or SSL_CERT_FILE and SSL_CERT_DIR name them.
  bool system_trust = true;
  /// Certificates (PEM) trusted besides. Any of them ends a chain, be it an authority's, one between, or the server's own.
  std::string_view ca_file = {};
  /// A directory of such, named by hash (openssl-rehash(1)). It is read while handshakes run, whenever an authority is missing.
  std::string_view ca_directory = {};
  /// A chain of PEM, the client's own certificate first; for servers that ask for one.
  std::string_view client_certificate_file = {};
  /// Its key, PEM, not encrypted; if empty, it is looked for in client_certificate_file.
  std::string_view client_key_file = {};
  /// Takes any certificate of any host: whoever stands between reads and changes everything. For experiments.
  bool insecure_skip_verification = false;
};

namespace detail {

/// What OpenSSL's callbacks write down about one connection, which points to this by SSL_set_app_data.
struct connection_notes {
  owned<SSL_SESSION> newest_session = {};
  owned<X509> blamed = {};  ///< the certificate that failed
  int blamed_depth = 0;     ///< 0: the server's own
  long verify_error = X509_V_OK;
  traffic_secret server_secret = {};  ///< of TLS 1.3, until somebody has taken it: what the server sends from now on is under it

  static int take_session(SSL* of, SSL_SESSION* made) noexcept {
    auto* const notes = static_cast<connection_notes*>(SSL_get_app_data(of));
    if (notes == nullptr) return 0;
    notes->newest_session.reset(made);
    return 1;
  }

  /// OpenSSL tells its secrets for whoever wants to look into a recorded connection. With the handshake comes number 0, with every key
  /// update of the server's another, when OpenSSL has taken it itself.
  static void on_secret(const SSL* of, const char* line) noexcept {
    auto* const notes = static_cast<connection_notes*>(SSL_get_app_data(of));
    const std::string_view text(line);
    if (notes == nullptr || !text.starts_with("SERVER_TRAFFIC_SECRET_")) return;
    notes->server_secret.assign_hex(text.substr(text.rfind(' ') + 1));
  }

  static int on_verified(int good, X509_STORE_CTX* store) noexcept {
    if (good == 1) return 1;
    const auto* const of = static_cast<const SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const notes = of != nullptr ? static_cast<connection_notes*>(SSL_get_app_data(of)) : nullptr;
    if (notes == nullptr) return 0;
    notes->verify_error = ::X509_STORE_CTX_get_error(store);
    notes->blamed_depth = ::X509_STORE_CTX_get_error_depth(store);
    X509* const blamed = ::X509_STORE_CTX_get_current_cert(store);
    if (blamed != nullptr && ::X509_up_ref(blamed) == 1) notes->blamed.reset(blamed);
    return 0;
  }
};

}  // namespace detail

/// Immutable, so connections of several threads may share one.
class context final : public shared_counted {
 public:
  /// Reads all files now, which takes tens of milliseconds for a system's authorities: make one for many connections.
  /// Throws error(errc::invalid_argument), which names the file and OpenSSL's reason.
  [[nodiscard]] static ref<context> make(const context_options& options = {}) { return ref<context>(new context(options)); }

  /// TLS 1.2 or 1.3, HTTP/1.1 by ALPN, no renegotiation. To make connections of; not to be changed.
  [[nodiscard]] SSL_CTX* native() const noexcept { return native_.get(); }
  [[nodiscard]] const BIO_METHOD* transport() const noexcept { return transport_.get(); }
  [[nodiscard]] bool verifies() const noexcept { return verifies_; }

 private:
  explicit context(const context_options& options)
      : transport_(detail::span_bio::make_method()),
        native_(::SSL_CTX_new(::TLS_client_method())),
        verifies_(!options.insecure_skip_verification) {
    // Whatever is left in the queue, also by what succeeded, is nobody's.
    const struct queue_cleaner {
      queue_cleaner() { ::ERR_clear_error(); }
      ~queue_cleaner() { ::ERR_clear_error(); }
    } cleaner;
    if (!native_ || !transport_) throw std::bad_alloc();
    set_protocol();
    if (verifies_) set_trust(options);
    set_identity(options);
  }

  void set_protocol() {
    SSL_CTX* const native = native_.get();
    static constexpr unsigned char http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    // A system's policy may want more.
    if (::SSL_CTX_get_min_proto_version(native) < TLS1_2_VERSION && ::SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1)
      throw error(errc::invalid_argument, "OpenSSL has neither TLS 1.2 nor 1.3: " + detail::take_cause());
    if (::SSL_CTX_set_alpn_protos(native, http_1_1, sizeof http_1_1) != 0) throw std::bad_alloc();  // 0 is success here
    ::SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // The policy of a system may tolerate an end without close_notify: not here.
    ::SSL_CTX_clear_options(native, SSL_OP_IGNORE_UNEXPECTED_EOF);
    // The rest of a message may lie elsewhere when it is offered again.
    ::SSL_CTX_set_mode(native, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Else OpenSSL asks for more than a record at once, and keeps it: SSL_has_pending() would say nothing of what has come.
    ::SSL_CTX_set_read_ahead(native, 0);
    // Sessions are kept by who pools connections. OpenSSL's own store would be behind a lock, and never be looked into.
    ::SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(native, &detail::connection_notes::take_session);
    ::SSL_CTX_set_keylog_callback(native, &detail::connection_notes::on_secret);
  }

  void set_trust(const context_options& options) {
    SSL_CTX* const native = native_.get();
    if (!options.system_trust && options.ca_file.empty() && options.ca_directory.empty())
      throw error(errc::invalid_argument, "TLS would trust nobody: neither the system's authorities nor a file or directory of others");
    ::SSL_CTX_set_verify(native, SSL_VERIFY_PEER, &detail::connection_notes::on_verified);
    if (options.system_trust && ::SSL_CTX_set_default_verify_paths(native) != 1)
      throw error(errc::invalid_argument, "the system's certificate authorities can't be read: " + detail::take_cause());
    if (const std::string file(options.ca_file); !file.empty() && ::SSL_CTX_load_verify_file(native, file.c_str()) != 1)
      throw error(errc::invalid_argument, "no certificate authorities can be read from " + file + ": " + detail::take_cause());
    if (const std::string directory(options.ca_directory); !directory.empty()) {
      // OpenSSL looks into it only when it needs to, and says nothing then.
      std::error_code failed;
      if (!std::filesystem::is_directory(directory, failed))
        throw error(errc::invalid_argument, "no certificate authorities can be read from " + directory + ": " +
                                                (failed ? failed.message() : std::string("not a directory")));
      if (::SSL_CTX_load_verify_dir(native, directory.c_str()) != 1)
        throw error(errc::invalid_argument, "no certificate authorities can be read from " + directory + ": " + detail::take_cause());
    }
    ::X509_VERIFY_PARAM_set_flags(::SSL_CTX_get0_param(native), X509_V_FLAG_PARTIAL_CHAIN);
  }

  void set_identity(const context_options& options) {
    if (options.client_certificate_file.empty()) {
      if (!options.client_key_file.empty())
        throw error(errc::invalid_argument,
                    "the client's key " + std::string(options.client_key_file) + " is given without a certificate");
      return;
    }
    SSL_CTX* const native = native_.get();
    const std::string file(options.client_certificate_file);
    const std::string key_file(options.client_key_file.empty() ? options.client_certificate_file : options.client_key_file);
    // OpenSSL's own way to get a password is to ask at the terminal.
    ::SSL_CTX_set_default_passwd_cb(native, [](char*, int, int, void*) { return -1; });
    if (::SSL_CTX_use_certificate_chain_file(native, file.c_str()) != 1)
      throw error(errc::invalid_argument, "the client's certificate can't be read from " + file + ": " + detail::take_cause());
    if (::SSL_CTX_use_PrivateKey_file(native, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      throw error(errc::invalid_argument, "the client's key can't be read from " + key_file + ": " + detail::take_cause());
    if (::SSL_CTX_check_private_key(native) != 1)
      throw error(errc::invalid_argument,
                  "the client's key " + key_file + " is not that of its certificate " + file + ": " + detail::take_cause());
  }

  detail::owned<BIO_METHOD> transport_;
  detail::owned<SSL_CTX> native_;
  bool verifies_;
};

}  // namespace s3pager::tls
