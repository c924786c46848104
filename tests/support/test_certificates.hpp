// Certificates made on the spot, by OpenSSL and in memory: authorities, servers and clients, good ones and all that are not.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

namespace s3pager::test {

/// What a certificate says. Times are seconds from now. Extensions are as openssl.cnf has them; an empty one is left out.
struct certificate_wish {
  std::string common_name = "server";
  std::string hosts = "DNS:bucket.example";
  long begins = -3600;
  long ends = 24 * 3600;
  bool authority = false;
  std::string key_usage = {};
  std::string extended_key_usage = {};
  const char* curve = "P-256";  ///< null: RSA of 1,024 bits, which is weak
};

/// A certificate and its key.
class certified {
 public:
  /// By `issuer`, or by itself.
  explicit certified(const certificate_wish& wish, const certified* issuer = nullptr)
      : key_(wish.curve != nullptr ? EVP_EC_gen(wish.curve) : EVP_RSA_gen(1024u), &::EVP_PKEY_free),
        certificate_(::X509_new(), &::X509_free) {
    static long serial = 0;
    X509* const made = certificate_.get();
    must(key_ && made != nullptr);
    ::X509_set_version(made, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made), ++serial);
    ::X509_gmtime_adj(X509_getm_notBefore(made), wish.begins);
    ::X509_gmtime_adj(X509_getm_notAfter(made), wish.ends);
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(made), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
    X509* const by = issuer != nullptr ? issuer->certificate() : made;
    ::X509_set_issuer_name(made, ::X509_get_subject_name(by));
    ::X509_set_pubkey(made, key_.get());
    extend(by, NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!wish.authority && !wish.hosts.empty()) extend(by, NID_subject_alt_name, wish.hosts);
    if (!wish.key_usage.empty()) extend(by, NID_key_usage, wish.key_usage);
    if (!wish.extended_key_usage.empty()) extend(by, NID_ext_key_usage, wish.extended_key_usage);
    must(::X509_sign(made, issuer != nullptr ? issuer->key() : key(), ::EVP_sha256()) > 0);
  }

  [[nodiscard]] X509* certificate() const noexcept { return certificate_.get(); }
  [[nodiscard]] EVP_PKEY* key() const noexcept { return key_.get(); }
  [[nodiscard]] std::string pem() const {
    return written([this](BIO* to) { return ::PEM_write_bio_X509(to, certificate()); });
  }
  [[nodiscard]] std::string key_pem(const char* password = nullptr) const {
    return written([&](BIO* to) {
      return ::PEM_write_bio_PrivateKey(to, key(), password != nullptr ? ::EVP_aes_128_cbc() : nullptr, nullptr, 0, nullptr,
                                        const_cast<char*>(password));
    });
  }

 private:
  static void must(bool condition) {
    if (!condition) std::abort();
  }
  void extend(X509* by, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, by, certificate_.get(), nullptr, nullptr, 0);
    X509_EXTENSION* const made = ::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    must(made != nullptr && ::X509_add_ext(certificate_.get(), made, -1) == 1);
    ::X509_EXTENSION_free(made);
  }
  template <class Write>
  [[nodiscard]] static std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&::BIO_free_all)> to(::BIO_new(::BIO_s_mem()), &::BIO_free_all);
    must(to && write(to.get()) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(to.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&::X509_free)> certificate_;
};

}  // namespace s3pager::test
