// The steps of Signature Version 4 as its specification has them, in plain strings: sharing nothing with the client's signer, so that the
// one tests the other. Knows no keys.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/http/header_fields.hpp"

namespace s3pager::testing {

namespace detail::sigv4 {

[[nodiscard]] inline std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

[[nodiscard]] inline std::string sha256(std::string_view text) {
  unsigned char digest[32];
  if (EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) != 1)
    throw error(errc::unavailable, "OpenSSL has no SHA-256");
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

[[nodiscard]] inline std::string hmac(std::string_view key, std::string_view text) {
  unsigned char digest[32];
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, nullptr) == nullptr)
    throw error(errc::unavailable, "OpenSSL has no HMAC of SHA-256");
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

/// "URI-encode every byte except the unreserved characters": its UriEncode().
[[nodiscard]] inline std::string uri_encode(std::string_view text, bool encode_slash) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                       byte == '_' || byte == '-' || byte == '~' || byte == '.' || (byte == '/' && !encode_slash);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

/// What was sent, decoded as far as it can be.
[[nodiscard]] inline std::string uri_decode(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

[[nodiscard]] inline std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Without the signature itself, if the query holds it.
[[nodiscard]] inline std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view one : split(query, '&')) {
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    if (one.substr(0, equals) == "X-Amz-Signature") continue;
    const std::string_view value = equals < one.size() ? one.substr(equals + 1) : std::string_view();
    parameters.emplace_back(uri_encode(uri_decode(one.substr(0, equals)), true), uri_encode(uri_decode(value), true));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

/// The values of all headers of a name, runs of spaces made one, joined by commas.
[[nodiscard]] inline std::string canonical_value(const http::header_fields& headers, std::string_view name) {
  std::string out;
  bool first = true;
  for (const http::field field : headers) {
    if (lower_case(field.name) != name) continue;
    if (!std::exchange(first, false)) out += ',';
    bool after_space = false;
    for (const char c : trim(field.value)) {
      if (c != ' ' || !after_space) out += c;
      after_space = c == ' ';
    }
  }
  return out;
}

/// Who signed, for when and where, and what: of a header or a query, as it came.
struct authorization {
  std::string access_key_id = {};
  std::string day = {};
  std::string region = {};
  std::string service = {};
  std::string signed_headers = {};
  std::string signature = {};

  /// False if the credential has not all of its parts.
  [[nodiscard]] bool read_credential(std::string_view credential) {
    const auto scope = split(credential, '/');
    if (scope.size() != 5 || scope[4] != "aws4_request") return false;
    access_key_id = scope[0];
    day = scope[1];
    region = scope[2];
    service = scope[3];
    return true;
  }

  /// Of an Authorization header.
  [[nodiscard]] static std::optional<authorization> read(std::string_view text) {
    constexpr std::string_view algorithm = "AWS4-HMAC-SHA256 ";
    if (text.substr(0, algorithm.size()) != algorithm) return std::nullopt;
    authorization out;
    std::string_view credential;
    for (std::string_view part : split(text.substr(algorithm.size()), ',')) {
      part = trim(part);
      const std::size_t equals = part.find('=');
      if (equals == std::string_view::npos) return std::nullopt;
      const std::string_view name = part.substr(0, equals);
      const std::string_view value = part.substr(equals + 1);
      if (name == "Credential") credential = value;
      else if (name == "SignedHeaders") out.signed_headers = value;
      else if (name == "Signature") out.signature = value;
      else return std::nullopt;
    }
    if (!out.read_credential(credential) || out.signed_headers.empty() || out.signature.empty()) return std::nullopt;
    return out;
  }
};

}  // namespace detail::sigv4

}  // namespace s3pager::testing
