// Answers that are not HTTP/1.1, or not quite.
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/hostile/scene.hpp"

namespace s3pager::test::hostile {

namespace {

using namespace std::string_literals;

constexpr question questions[] = {question::list, question::object, question::range, question::key};

/// Adds scenes of one question.
class writer {
 public:
  writer(corpus& into, question what) : into_(into), what_(what) {}

  scene& add(const std::string& name, std::string answer, outcome wanted, std::optional<errc> as = {}) {
    into_.push_back({.name = name_of(what_) + ": " + name, .what = what_, .answer = std::move(answer), .wanted = wanted, .as = as});
    return into_.back();
  }
  scene& refused(const std::string& name, std::string answer) {
    return add(name, std::move(answer), outcome::fails, errc::protocol_violation);
  }
  scene& harmless(const std::string& name, std::string answer) { return add(name, std::move(answer), outcome::exact); }
  scene& either(const std::string& name, std::string answer) { return add(name, std::move(answer), outcome::either); }

  [[nodiscard]] question what() const { return what_; }
  /// The good answer with another status line.
  [[nodiscard]] std::string with_line(const std::string& line) const {
    const std::string good = good_answer(what_);
    return line + good.substr(good.find("\r\n"));
  }
  /// The good answer with another line for its length.
  [[nodiscard]] std::string with_length_line(const std::string& line) const {
    return good_head(what_) + line + "\r\n\r\n" + good_body(what_);
  }
  /// A good head with `headers`, and whatever body.
  [[nodiscard]] std::string with_body(const std::string& headers, const std::string& body) const {
    return good_head(what_) + headers + "\r\n" + body;
  }
  [[nodiscard]] std::string chunked(const std::string& body) const {
    return with_body("Transfer-Encoding: chunked\r\n", body);
  }

 private:
  corpus& into_;
  question what_;
};

std::string hex(std::size_t value) {
  std::string text;
  do text.insert(text.begin(), "0123456789abcdef"[value % 16]);
  while ((value /= 16) != 0);
  return text;
}
std::string chunk(const std::string& bytes) { return hex(bytes.size()) + "\r\n" + bytes + "\r\n"; }

void status_lines(writer to) {
  const std::string code = good_answer(to.what()).substr(9, 3);
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.7", "HTTP/0.1", "HTTP/9.9", "HTTP/1.1.1", "HTTP/11.1",
                              "HTTP/1", "HTTP/1.", "HTTP/-1.1", "HTTP/x.y", "HTTP 1.1", "http/1.1", "HTTPS/1.1", "ICY", "RTSP/1.0",
                              "SSH-2.0-x", "H", "HTTP/1,1"})
    to.refused("version "s + version, to.with_line(version + " "s + code + " OK"));
  for (const char* status : {"000", "001", "099", "-200", "+200", "0x1", "2 0", "20", "2", "2000", "20a", "abc", "2OO", "", "1e2", "0200"})
    to.refused("status '"s + status + "'", to.with_line("HTTP/1.1 "s + status + " OK"));
  for (const char* status : {"200", "206"})
    if (status != code) to.either("status "s + status + " instead", to.with_line("HTTP/1.1 "s + status + " OK"));
  for (const char* status : {"201", "202", "203", "205", "207", "226", "299", "300", "301", "302", "307", "399", "400", "401", "402", "404",
                             "405", "409", "416", "418", "429", "451", "499", "500", "501", "503", "505", "599", "600", "999"})
    to.add("status "s + status, to.with_line("HTTP/1.1 "s + status + " No"), outcome::fails);
  // These have no body, so that what follows is bytes after the answer.
  for (const char* status : {"204", "304"})
    to.add("status "s + status + " with a body", to.with_line("HTTP/1.1 "s + status + " No"), outcome::fails);
  to.refused("status 101", to.with_line("HTTP/1.1 101 Switching Protocols"));
  to.refused("two spaces", to.with_line("HTTP/1.1  " + code + " OK"));
  to.refused("a tab", to.with_line("HTTP/1.1\t" + code + " OK"));
  to.refused("a NUL in the reason", to.with_line("HTTP/1.1 " + code + " O\0K"s));
  to.refused("a delete in the reason", to.with_line("HTTP/1.1 " + code + " O\x7fK"));
  to.refused("a bare CR in the reason", to.with_line("HTTP/1.1 " + code + " O\rK"));
  to.refused("a bare LF after the reason", to.with_line("HTTP/1.1 " + code + " OK\nX: y"));
  to.refused("a space in front", to.with_line(" HTTP/1.1 " + code + " OK"));
  to.refused("an empty line in front", to.with_line("\r\nHTTP/1.1 " + code + " OK"));
  to.refused("an empty line only", "\r\n\r\n");
  to.refused("a body only", good_body(to.what()) + std::string(10, 'x') + "\r\n");
  to.harmless("no reason", to.with_line("HTTP/1.1 " + code));
  to.harmless("an empty reason", to.with_line("HTTP/1.1 " + code + " "));
  to.harmless("a reason of high bytes", to.with_line("HTTP/1.1 " + code + " \xff\xfe"));
  to.harmless("HTTP/1.0", to.with_line("HTTP/1.0 " + code + " OK"));
  to.refused("a TLS alert", "\x15\x03\x01\x00\x02\x02\x16"s);
  to.refused("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(200, '\0'));
  to.refused("frames of HTTP/2", "\0\0\x12\x04\0\0\0\0\0"s + std::string(18, '\0'));
  to.refused("a mail server's greeting", "220 mail.example ESMTP\r\n");
}

void header_lines(writer to) {
  const std::string good = good_answer(to.what());
  const std::size_t end = good.find("\r\n\r\n");
  for (std::size_t at = good.find("\r\n") + 2; at < end;) {
    const std::size_t after = good.find("\r\n", at) + 2;
    const std::string line = good.substr(at, after - 2 - at);
    const std::size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    const std::string value = line.substr(colon + 2);
    const auto with = [&](const std::string& lines) { return good.substr(0, at) + lines + good.substr(after); };
    to.either(name + " dropped", with({}));
    to.either(name + " twice", with(line + "\r\n" + line + "\r\n"));
    to.either(name + " empty", with(name + ":\r\n"));
    to.either(name + " garbled", with(name + ": \x80\xff" + value + "\xfe\r\n"));
    to.harmless(name + " in capitals, with tabs", with([&] {
      std::string large = name;
      for (char& c : large) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
      return large + ":\t " + value + " \t\r\n";
    }()));
    to.refused(name + " with a space before the colon", with(name + " : " + value + "\r\n"));
    to.refused(name + " without a colon", with(name + "\r\n"));
    to.refused(name + " without a name", with(": " + value + "\r\n"));
    to.refused(name + " with a NUL", with(name + ": " + value + "\0\r\n"s));
    to.refused(name + " with an escape", with(name + ": \x1b[2J" + value + "\r\n"));
    to.refused(name + " with a bare CR", with(name + ": " + value + "\rx\r\n"));
    to.refused(name + " ended by a bare LF", with(line + "\n"));
    to.refused(name + " folded", with(name + ":\r\n " + value + "\r\n"));
    to.refused(name + " folded at its end", with(line + "\r\n\t\r\n"));
    to.refused(name + " of 100 KB", with(name + ": " + std::string(100'000, 'v') + "\r\n"));
    to.refused(name + " after a NUL", with("\0"s + line + "\r\n"));
    to.refused(name + " with its name in quotes", with("\"" + name + "\": " + value + "\r\n"));
    at = after;
  }
  to.refused("a name of 100 KB", good.substr(0, end) + "\r\n" + std::string(100'000, 'n') + ": v" + good.substr(end));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "\r\nh" + std::to_string(i) + ": v";
  to.refused("two hundred headers", good.substr(0, end) + many + good.substr(end));
  to.harmless("a hundred headers", good.substr(0, end) + many.substr(0, many.find("\r\nh100:")) + good.substr(end));
  to.harmless("a value of 8 KB", good.substr(0, end) + "\r\nh: " + std::string(8192, 'v') + good.substr(end));
  to.harmless("a head of 60 KB", good.substr(0, end) + "\r\nh: " + std::string(60'000, 'v') + good.substr(end));
}

void lengths(writer to) {
  const std::string body = good_body(to.what());
  const std::string right = std::to_string(body.size());
  for (const char* value : {"-1", "+4", "0x0a", "0a", "a", "1e1", "10.0", "10,10", "10, 11", "10 10", "10;", "\"10\"", "1_0", "", " ", "\xd9\xa1",
                            "18446744073709551616", "99999999999999999999999999", "-18446744073709551606", "NaN", "10\x0b"})
    to.refused("length '"s + value + "'", to.with_length_line("Content-Length: "s + value));
  // More than ever comes: the client waits for it, but not for ever, and does not make room for it in advance.
  for (const char* value : {"9223372036854775807", "9223372036854775808", "18446744073709551615", "1099511627776"})
    to.add("length "s + value, to.with_length_line("Content-Length: "s + value), outcome::fails);
  to.harmless("a length with zeros in front", to.with_length_line("Content-Length: 00000" + right));
  to.harmless("a length with blanks around it", to.with_length_line("Content-Length: \t " + right + " \t"));
  to.add("a length of zero", to.with_length_line("Content-Length: 0"), outcome::fails);
  to.add("a length too small by one", to.with_length_line("Content-Length: " + std::to_string(body.size() - 1)), outcome::fails);
  to.add("a length too large by one", to.with_length_line("Content-Length: " + std::to_string(body.size() + 1)), outcome::fails);
  to.add("a length too large by one, closed", to.with_length_line("Content-Length: " + std::to_string(body.size() + 1)),
         outcome::fails).then = ending::close;
  to.refused("the same length twice", to.with_length_line("Content-Length: " + right + "\r\nContent-Length: " + right));
  to.refused("two lengths", to.with_length_line("Content-Length: " + right + "\r\nContent-Length: 1"));
  to.refused("a length and chunks",
             to.with_body("Content-Length: " + right + "\r\nTransfer-Encoding: chunked\r\n", chunk(body) + "0\r\n\r\n"));
  to.refused("chunks and a length",
             to.with_body("Transfer-Encoding: chunked\r\nContent-Length: " + right + "\r\n", chunk(body) + "0\r\n\r\n"));
  to.harmless("no length, closed", to.with_body({}, body)).then = ending::close;
  to.add("no length, closed too early", to.with_body({}, body.substr(0, body.size() / 2)), outcome::fails).then = ending::close;
  to.add("no length, and no end", to.with_body({}, body), outcome::fails, errc::timed_out);
}

void chunks(writer to) {
  const std::string body = good_body(to.what());
  const std::string size = hex(body.size());
  const std::string end = "0\r\n\r\n";
  std::string small;
  for (const char c : body) small += chunk(std::string(1, c));
  to.harmless("chunks", to.chunked(chunk(body) + end));
  to.harmless("chunks of a byte", to.chunked(small + end));
  to.harmless("chunks with extensions", to.chunked(size + " ; a=b;c=\"d\"\r\n" + body + "\r\n0;x\r\n\r\n"));
  to.harmless("chunks with trailers", to.chunked(chunk(body) + "0\r\nContent-Length: 5\r\nx-y: z\r\n\r\n"));
  to.harmless("a size with zeros", to.chunked("00000000" + size + "\r\n" + body + "\r\n000\r\n\r\n"));
  for (const char* bad : {"-5", "+5", "0x5", "g", "", " 5", "\t5", "5 x", "5,", "5.0", "00000000000000005", "10000000000000000",
                          "FFFFFFFFFFFFFFFFF", "\"5\"", "5\x0b", "\xef\xbc\x95", "5;\x01", ";a=b", "5 5"})
    to.refused("chunk size '"s + bad + "'", to.chunked(std::string(bad) + "\r\n" + body + "\r\n" + end));
  for (const char* large : {"FFFFFFFFFFFFFFFF", "7FFFFFFFFFFFFFFF", "8000000000000000", "FFFFFFFF", "7FFFFFFF"})
    to.add("chunk size "s + large, to.chunked(std::string(large) + "\r\n" + body + "\r\n" + end), outcome::fails);
  to.refused("an extension of 10 KB", to.chunked(size + ";" + std::string(10'000, 'e') + "\r\n" + body + "\r\n" + end));
  to.refused("a chunk without its CR LF", to.chunked(size + "\r\n" + body + end));
  to.refused("a chunk that ends in LF", to.chunked(size + "\r\n" + body + "\n" + end));
  to.refused("a size that ends in LF", to.chunked(size + "\n" + body + "\r\n" + end));
  to.refused("a size that ends in CR", to.chunked(size + "\r" + body + "\r\n" + end));
  to.refused("a chunk that is longer than its size", to.chunked(hex(body.size() - 1) + "\r\n" + body + "\r\n" + end));
  to.add("a chunk that is shorter than its size", to.chunked(hex(body.size() + 1) + "\r\n" + body + "\r\n" + end), outcome::fails);
  to.add("a body that is too long", to.chunked(chunk(body) + chunk("x") + end), outcome::fails);
  to.add("a body that is too short", to.chunked(chunk(body.substr(0, body.size() - 1)) + end), outcome::fails);
  to.add("an empty body", to.chunked(end), outcome::fails);
  to.add("no last chunk", to.chunked(chunk(body)), outcome::fails, errc::timed_out);
  to.add("no last chunk, closed", to.chunked(chunk(body)), outcome::fails, errc::connection_lost).then = ending::close;
  to.add("no end after the last chunk", to.chunked(chunk(body) + "0\r\n"), outcome::fails, errc::connection_lost).then = ending::close;
  to.refused("a last chunk with bytes", to.chunked(chunk(body) + "0\r\nx\r\n\r\n"));
  to.refused("a trailer with a NUL", to.chunked(chunk(body) + "0\r\nx: \0\r\n\r\n"s));
  to.refused("a trailer that is folded", to.chunked(chunk(body) + "0\r\nx: y\r\n z\r\n\r\n"));
  to.refused("a trailer of 100 KB", to.chunked(chunk(body) + "0\r\nx: " + std::string(100'000, 'y') + "\r\n\r\n"));
  std::string trailers;
  for (int i = 0; i < 100; ++i) trailers += "x: y\r\n";
  to.refused("a hundred trailers", to.chunked(chunk(body) + "0\r\n" + trailers + "\r\n"));
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked", "chunked;q=1", "\"chunked\"",
                             "", ",chunked", "chunked,", "chunke"})
    to.refused("coding '"s + coding + "'", to.with_body("Transfer-Encoding: "s + coding + "\r\n", chunk(body) + end));
  to.refused("two codings", to.with_body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk(body) + end));
  to.harmless("coding Chunked", to.with_body("transfer-encoding: Chunked\r\n", chunk(body) + end));
  std::string old = to.chunked(chunk(body) + end);
  old[7] = '0';
  to.refused("chunks on HTTP/1.0", std::move(old));
}

void interim(writer to) {
  const std::string good = good_answer(to.what());
  const auto times = [](const std::string& text, int count) {
    std::string made;
    for (int i = 0; i < count; ++i) made += text;
    return made;
  };
  to.harmless("100 first", "HTTP/1.1 100 Continue\r\n\r\n" + good);
  to.harmless("103 with headers first", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + good);
  to.harmless("199 first", "HTTP/1.1 199 x\r\n\r\n" + good);
  to.harmless("sixteen interim answers", times("HTTP/1.1 102 Processing\r\n\r\n", 16) + good);
  to.refused("seventeen interim answers", times("HTTP/1.1 102 Processing\r\n\r\n", 17) + good);
  to.add("an interim answer only", "HTTP/1.1 100 Continue\r\n\r\n", outcome::fails, errc::timed_out);
  to.add("an interim answer, then the end", "HTTP/1.1 100 Continue\r\n\r\n", outcome::fails, errc::connection_lost).then = ending::close;
  to.either("an interim answer with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n" + good);
  to.refused("an interim answer with a body", "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\nabc" + good);
  to.refused("an interim answer with two lengths", "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n" + good);
}

void ends(writer to) {
  const std::string good = good_answer(to.what());
  const std::size_t head = good.find("\r\n\r\n") + 4;
  for (const std::size_t at : std::set<std::size_t>{std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{12}, std::size_t{16}, head / 2, head - 5, head - 3, head - 2,
                               head - 1, head, head + 1, head + (good.size() - head) / 2, good.size() - 2, good.size() - 1}) {
    const std::string cut = good.substr(0, at);
    to.add("closed after " + std::to_string(at), cut, outcome::fails, errc::connection_lost).then = ending::close;
    to.add("half-closed after " + std::to_string(at), cut, outcome::fails, errc::connection_lost).then = ending::half_close;
    to.add("reset after " + std::to_string(at), cut, outcome::fails, errc::connection_lost).then = ending::reset;
    to.add("silent after " + std::to_string(at), cut, outcome::fails, errc::timed_out);
  }
  to.harmless("closed after the answer", good).then = ending::close;
  to.harmless("half-closed after the answer", good).then = ending::half_close;
  to.harmless("a byte after the answer", good + "x");
  to.harmless("the answer twice", good + good);
  to.harmless("an error after the answer", good + good_error());
  to.either("an answer before the request", good).unasked = true;
  to.either("two answers before the request", good + good).unasked = true;
  to.refused("bytes before the request", "hello\r\n").unasked = true;
  to.add("an answer 408 before the request", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", outcome::fails)
      .unasked = true;
}

void endless(writer to) {
  const std::string head = good_head(to.what());
  const auto forever = [&](const std::string& name, std::string answer, std::string again, std::optional<errc> as = {}) -> scene& {
    scene& made = to.add("endless " + name, std::move(answer), outcome::fails, as);
    made.forever = std::move(again);
    return made;
  };
  forever("reason", "HTTP/1.1 200 ", std::string(1000, 'r'), errc::protocol_violation);
  forever("headers", head, "x: y\r\n", errc::protocol_violation);
  forever("large headers", head, "x: " + std::string(4000, 'y') + "\r\n", errc::protocol_violation);
  forever("header name", head, std::string(1000, 'n'), errc::protocol_violation);
  forever("header value", head + "x: ", std::string(1000, 'v'), errc::protocol_violation);
  forever("blanks", head + "x:", std::string(1000, ' '), errc::protocol_violation);
  forever("empty lines", {}, "\r\n", errc::protocol_violation);
  forever("interim answers", {}, "HTTP/1.1 100 Continue\r\n\r\n", errc::protocol_violation);
  forever("chunk size", to.chunked({}), std::string(1000, '0'), errc::protocol_violation);
  forever("chunk extension", to.chunked("5;"), std::string(1000, 'e'), errc::protocol_violation);
  forever("trailers", to.chunked("0\r\n"), "x: y\r\n", errc::protocol_violation);
  forever("trailer", to.chunked("0\r\nx: "), std::string(1000, 'y'), errc::protocol_violation);
  forever("NULs", {}, std::string(1000, '\0'), errc::protocol_violation);
  scene& bytes = forever("body up to the close", head + "\r\n", std::string(16'000, 'b'));
  scene& more = forever("chunks", to.chunked({}), chunk(std::string(16'000, 'b')));
  scene& tiny = forever("chunks of a byte", to.chunked({}), chunk("b"));
  for (scene* each : {&bytes, &more, &tiny}) {
    if (to.what() != question::list) continue;
    // A list may have 4 MiB, in memory that grows by doubling; chunks of a byte are six times as long.
    each->memory = 9 << 20;
    each->accepted = each == &tiny ? 25 << 20 : 5 << 20;
  }
}

}  // namespace

corpus messages() {
  corpus made;
  for (const question each : questions) {
    const writer to(made, each);
    status_lines(to);
    header_lines(to);
    lengths(to);
    chunks(to);
    interim(to);
    ends(to);
    endless(to);
  }
  return made;
}

}  // namespace s3pager::test::hostile
