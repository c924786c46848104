// The whole client against a server that does what the input says: good answers, cut, changed and delayed ones, any bytes,
// closed and half-closed connections, on a clock that goes on only when nothing else does. Whatever comes, the run ends, leaves
// nothing behind, and hands on only what was asked for, each from its first byte on and no longer than it was listed; and exactly
// its bytes, as long as no answer was changed but in bits of an object, which a checksum shows.
//
// The first bytes choose how the client reads, what the bucket holds and what the server cannot do (`settings`), the rest is a
// script (`server::act`).
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/checksum/digest.hpp"
#include "s3pager/checksum/hasher.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/drive.hpp"

namespace {

using namespace s3pager;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// The rest of the input, of which there is always something: zeros follow.
class script {
 public:
  explicit script(std::string_view bytes) noexcept : left_(bytes) {}
  [[nodiscard]] bool ended() const noexcept { return left_.empty(); }
  [[nodiscard]] std::uint8_t byte() noexcept {
    if (left_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] std::size_t word() noexcept {
    const std::size_t low = byte();
    return low | std::size_t{byte()} << 8;
  }
  [[nodiscard]] std::string_view text(std::size_t size) noexcept {
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view left_;
};

constexpr std::array<std::uint64_t, 8> sizes{0, 1, 100, 4096, 5000, 9000, 20'000, 600'000};
constexpr std::size_t slot_bytes = 4096;
constexpr std::string_view key_letters = "abcdef";

enum class at_end : std::uint8_t { answer, reset, be_silent };
enum class question : std::uint8_t { all, whole, from_zero, middle };  // of a bucket; of its first object, by get()
/// What answers of a range say of checksums.
enum class of_range : std::uint8_t { nothing, its_own, the_whole_by_type, the_whole };
constexpr std::uint8_t several = 6;   // algorithms, beside one of the five
constexpr std::uint8_t of_parts = 7;  // a checksum that is of no bytes

struct settings {
  page_order order;
  on_error failures;
  bool given_keys;            // instead of a prefix: sizes are not known before the first answer
  bool match_etag;
  std::uint32_t lanes;
  std::uint32_t attempts;
  std::size_t held;           // pages that the consumer keeps
  std::size_t dropped_after;  // pages, then the stream goes
  at_end then;
  std::size_t objects;
  std::size_t a_page;         // keys of a list page
  std::array<std::uint8_t, 6> size{};
  // Only if a bit asks for them.
  bool more;
  s3pager::verify verify = s3pager::verify::as_it_arrives;
  bool hedges = false;
  std::uint8_t checksums = 0;  // 0: none; 1 to 5: an algorithm
  of_range range_checksums = of_range::nothing;
  question asked = question::all;
  bool ignores_ranges = false;
  bool has_no_etags = false;
  bool says_no_total = false;
  bool sends_chunks = false;
  bool answers_last_first = false;
  bool conditional = false;  // get() with If-Match
  byte_range range = {};     // of get()

  explicit settings(script& from) noexcept {
    const std::uint8_t a = from.byte();
    order = (a & 1) != 0 ? page_order::by_key : page_order::by_arrival;
    failures = (a & 2) != 0 ? on_error::report : on_error::stop;
    given_keys = (a & 4) != 0;
    match_etag = (a & 8) == 0;
    lanes = 1 + (a >> 4) % 4;
    attempts = 1 + (a >> 6) % 3;
    const std::uint8_t b = from.byte();
    held = b % 4;
    dropped_after = b < 128 ? ~std::size_t{0} : (b >> 2) % 16;
    more = (b & 0x40) != 0;
    const std::uint8_t c = from.byte();
    then = static_cast<at_end>(c % 3);
    objects = (c >> 2) % 6;
    a_page = (c & 0x80) != 0 ? 2 : 1000;
    for (std::size_t i = 0; i < objects; ++i) {
      // A large one is sliced, and takes as long as all others.
      const std::uint8_t which = from.byte();
      size[i] = which == 0xff ? 7 : which % 7;
    }
    if (more) read_more(from);
  }
  void read_more(script& from) noexcept {
    static constexpr std::array<s3pager::verify, 4> verifies{s3pager::verify::as_it_arrives, s3pager::verify::before_delivery,
                                                             s3pager::verify::off, s3pager::verify::before_delivery};
    const std::uint8_t d = from.byte();
    verify = verifies[d % 4];
    hedges = (d & 4) != 0;
    checksums = (d >> 3) % 8;
    range_checksums = static_cast<of_range>(d >> 6);
    const std::uint8_t e = from.byte();
    asked = static_cast<question>(e % 4);
    ignores_ranges = (e & 4) != 0;
    has_no_etags = (e & 8) != 0;
    says_no_total = (e & 16) != 0;
    sends_chunks = (e & 32) != 0;
    answers_last_first = (e & 64) != 0;
    conditional = (e & 128) != 0;
    if (asked != question::from_zero && asked != question::middle) return;
    // In 48ths of the object and bytes, so that it begins and ends within it, at its ends and behind them.
    const std::uint64_t part = size_of(0) / 48 + 1;
    const std::uint8_t first = from.byte();
    if (asked == question::middle) range.first = part * (first >> 2) + first % 4;
    const std::uint8_t length = from.byte();
    range.last = range.first + part * (length >> 2) + length % 4;
  }
  [[nodiscard]] bool asks_range() const noexcept { return asked == question::from_zero || asked == question::middle; }
  [[nodiscard]] std::uint64_t size_of(std::size_t object) const noexcept { return sizes[size[object]]; }
};

/// The bytes of an object from `offset` on: a piece of one long text, so that neither making nor checking them takes time.
[[nodiscard]] std::string_view content(std::size_t object, unsigned version, std::uint64_t offset, std::size_t size) {
  static const std::string all = [] {
    std::string made(1 << 20, '\0');
    std::uint32_t state = 1;
    for (char& each : made) each = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    return made;
  }();
  return std::string_view(all).substr(object * 4099 + version % 256 * 1021 + offset, size);
}

/// The peer of every connection. A connection is a pair of local sockets: made and gone without leaving a port behind.
class server final : public ring::submit_hook {
 public:
  void begin(const settings& how, script& what) {
    how_ = &how;
    script_ = &what;
    peers_.clear();
    current_ = nullptr;
    version_ = 0;
    refusing_ = 0;
    changed_ = false;
    flipped_ = false;
    sent_ = 0;
  }
  void end() {
    peers_.clear();
    current_ = nullptr;
  }
  /// Whether some answer was not what a good server sends, so that nobody can tell wrong bytes.
  [[nodiscard]] bool changed() const noexcept { return changed_; }
  /// Whether bits of an object were, which only a checksum shows.
  [[nodiscard]] bool flipped() const noexcept { return flipped_; }
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
  [[nodiscard]] unsigned version() const noexcept { return version_; }

  /// One step of the script, or of what follows it. False: it waits for the client, which waits for nothing but time.
  [[nodiscard]] bool step(manual_clock& time) {
    bool moved = false;
    for (peer& each : peers_) moved = serve(each) || moved;
    if (moved) return true;
    if (!script_->ended()) {
      act(time);
      return true;
    }
    for (peer& each : peers_) {
      if (!each.socket || (how_->then == at_end::be_silent && !each.ends)) continue;
      if (how_->then == at_end::answer && !each.shut) {
        if (each.requests.empty()) continue;
        say(each, good(take(each)));
      } else {
        each.socket.reset();
      }
      return true;
    }
    return false;
  }

 private:
  struct peer {
    unique_fd socket;
    std::string read;
    std::deque<std::string> requests;
    std::string out;         // what the client is not ready for
    std::string afterwards;  // what is sent when all else stands still
    bool ends = false;       // closed once that is sent
    bool shut = false;
  };

  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    using verdict = ring::submit_verdict;
    if (what.kind != ring::operation_kind::connect) return {};
    if (refusing_ > 0) {
      --refusing_;
      return {.what = verdict::action::answer, .result = -ECONNREFUSED};
    }
    if (script_->ended() && how_->then == at_end::reset) return {.what = verdict::action::answer, .result = -ECONNREFUSED};
    int ends[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets is to be had");
    ::dup3(ends[1], what.target->fd(), O_CLOEXEC);
    ::close(ends[1]);
    peers_.emplace_back().socket = unique_fd(ends[0]);
    return {.what = verdict::action::answer, .result = 0};
  }

  // Reads requests and goes on sending.
  [[nodiscard]] bool serve(peer& with) {
    if (!with.socket) return false;
    bool moved = flush(with);
    char bytes[4096];
    for (;;) {
      const ssize_t got = ::recv(with.socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
          with.socket.reset();
          moved = true;
        }
        break;
      }
      moved = true;
      with.read.append(bytes, static_cast<std::size_t>(got));
    }
    for (std::size_t end; (end = with.read.find("\r\n\r\n")) != std::string::npos; with.read.erase(0, end + 4))
      with.requests.push_back(with.read.substr(0, end + 2));
    if (!moved && with.out.empty() && !with.afterwards.empty()) {
      with.out = std::exchange(with.afterwards, {});
      moved = flush(with);
    }
    if (with.socket && with.ends && with.out.empty() && with.afterwards.empty()) {
      with.socket.reset();
      moved = true;
    }
    return moved;
  }
  [[nodiscard]] bool flush(peer& to) {
    bool moved = false;
    while (!to.out.empty() && to.socket) {
      const ssize_t sent = ::send(to.socket.get(), to.out.data(), to.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      moved = true;
      if (sent < 0)
        to.out.clear();
      else
        to.out.erase(0, static_cast<std::size_t>(sent));
    }
    return moved;
  }
  void say(peer& to, std::string_view bytes) {
    if (!to.socket || to.shut) return;
    sent_ += bytes.size();
    to.out += bytes;
    static_cast<void>(flush(to));
  }

  /// The peer that the next answer is for: one that asked for something.
  [[nodiscard]] peer* pick() noexcept {
    peer* found = nullptr;
    for (peer& each : peers_) {
      if (!each.socket || each.requests.empty()) continue;
      found = &each;
      if (!how_->answers_last_first) break;
    }
    if (found != nullptr) current_ = found;
    return found;
  }
  [[nodiscard]] static std::string take(peer& from) {
    std::string request = std::move(from.requests.front());
    from.requests.pop_front();
    return request;
  }

  void act(manual_clock& time) {
    static constexpr std::array<int, 16> statuses{200, 204, 206, 304, 400, 401, 403, 404, 412, 416, 429, 500, 501, 503, 302, 999};
    const std::uint8_t chosen = script_->byte();
    const std::uint8_t what = chosen % 16;
    const bool flips = how_->more && what == 5 && chosen >= 128;
    switch (what) {
      case 0:  // somebody else's turn
        static_cast<void>(pick());
        return;
      case 1: {  // any bytes
        changed_ = true;
        const std::string_view bytes = script_->text(script_->byte());
        if (current_ == nullptr && pick() == nullptr && !peers_.empty()) current_ = &peers_.back();
        if (current_ != nullptr) say(*current_, bytes);
        return;
      }
      case 2: {  // much of the same
        changed_ = true;
        const char byte = static_cast<char>(script_->byte());
        const std::size_t count = std::size_t{script_->byte()} * 300;
        if (current_ != nullptr) say(*current_, std::string(count, byte));
        return;
      }
      case 10:
        if (current_ != nullptr && current_->socket) {
          ::shutdown(current_->socket.get(), SHUT_WR);
          current_->shut = true;
        }
        return;
      case 11:
        if (current_ != nullptr) current_->socket.reset();
        return;
      case 12: {
        static constexpr std::array<int, 8> seconds{0, 1, 4, 6, 29, 31, 100, 400};
        time.advance(std::chrono::seconds(seconds[script_->byte() % seconds.size()]));
        return;
      }
      case 13: refusing_ = 1 + script_->byte() % 4; return;
      case 14: ++version_; return;
      default: break;
    }
    // The rest answers a request, if there is one.
    const std::size_t at = what == 3 ? 0 : script_->word();
    const std::string_view more = !flips && (what == 5 || what == 7) ? script_->text(1 + script_->byte() % 32) : std::string_view();
    peer* to = pick();
    if (to == nullptr) return;
    const std::string request = take(*to);
    if (what == 9) {
      // Not a change: whatever of it is taken for an answer is no object's.
      const int status = statuses[at % statuses.size()];
      changed_ = changed_ || status < 300;
      say(*to, failure(status, (at >> 8) % 4));
      return;
    }
    if (flips) return say(*to, good(request, at));
    std::string answer = what == 15 ? chunked(parts(request), 1 + at % 5000) : good(request);
    const std::size_t place = answer.empty() ? 0 : at % (answer.size() + 1);
    if (what == 5 || what == 6 || what == 7) changed_ = true;
    switch (what) {
      case 4:  // cut off, or no more of it comes
        answer.resize(place);
        to->ends = !how_->more || chosen < 128;
        break;
      case 5: answer.replace(place, more.size(), more); break;
      case 6: answer.erase(place, 1 + at % 7); break;
      case 7: answer.insert(place, more); break;
      case 8:  // in two pieces
        to->afterwards = answer.substr(place);
        answer.resize(place);
        break;
      default: break;
    }
    say(*to, answer);
  }

  [[nodiscard]] static std::string sized(std::string head, std::string_view body) {
    return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  [[nodiscard]] static std::string failure(int status, std::size_t kind) {
    static constexpr std::array<std::string_view, 4> codes{"SlowDown", "NoSuchKey", "InternalError", ""};
    const std::string head = "HTTP/1.1 " + std::to_string(status) + " No\r\n" + (kind == 2 ? "Retry-After: 7\r\n" : "");
    if (codes[kind].empty()) return sized(head, {});
    return sized(head, "<Error><Code>" + std::string(codes[kind]) + "</Code><Message>no</Message></Error>");
  }
  [[nodiscard]] std::string etag(std::size_t object) const {
    // One of parts says so, by which a client tells what a checksum of a range can't be of.
    return '"' + std::string(1, key_letters[object]) + std::to_string(version_) + (how_->checksums == of_parts ? "-2\"" : "\"");
  }
  [[nodiscard]] std::string list(std::string_view request) const {
    std::size_t first = 0;
    if (const std::size_t token = request.find("continuation-token=t"); token != request.npos)
      first = static_cast<std::size_t>(std::atoi(request.data() + token + 20));
    if (const std::size_t after = request.find("start-after="); after != request.npos)
      first = key_letters.find(request[after + 12]) + 1;
    const std::size_t end = std::min(how_->objects, first + how_->a_page);
    std::string xml = "<?xml version=\"1.0\"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>";
    xml += end < how_->objects ? "true</IsTruncated><NextContinuationToken>t" + std::to_string(end) + "</NextContinuationToken>"
                               : "false</IsTruncated>";
    for (std::size_t i = first; i < end; ++i)
      xml += "<Contents><Key>" + std::string(1, key_letters[i]) + "</Key>" +
             (how_->has_no_etags ? std::string() : "<ETag>" + etag(i) + "</ETag>") + "<Size>" +
             std::to_string(how_->size_of(i)) + "</Size></Contents>";
    return xml + "</ListBucketResult>";
  }
  /// The value of a header of a request; the library writes them in lower case.
  [[nodiscard]] static std::string_view header(std::string_view request, std::string_view name) {
    const std::size_t at = request.find("\r\n" + std::string(name) + ": ");
    if (at == request.npos) return {};
    request.remove_prefix(at + name.size() + 4);
    return request.substr(0, request.find('\r'));
  }
  [[nodiscard]] static std::string checksum_line(checksum::algorithm of, std::string_view bytes, const char* behind = "") {
    checksum::hasher sum;
    sum.begin(of);
    sum.update(as_byte_span(bytes));
    const checksum::digest value = sum.finish();
    unsigned char text[48];
    ::EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(value.bytes.data()), value.size);
    return std::string(checksum::header_name(of)) + ": " + reinterpret_cast<const char*>(text) + behind + "\r\n";
  }
  /// What an answer with `bytes` of `whole` says of checksums.
  [[nodiscard]] std::string checksum_lines(std::string_view whole, std::string_view bytes, bool of_a_range) const {
    const std::uint8_t kind = how_->checksums;
    if (kind == 0 || (of_a_range && how_->range_checksums == of_range::nothing)) return {};
    const bool own = of_a_range && how_->range_checksums == of_range::its_own;
    const bool typed = of_a_range && how_->range_checksums == of_range::the_whole_by_type;
    // Of a range some services leave the `-N` out, and the type.
    if (kind == of_parts)
      return checksum_line(checksum::algorithm::crc32, "of parts", of_a_range ? "" : "-2") +
             (!of_a_range || typed ? "x-amz-checksum-type: COMPOSITE\r\n" : "");
    const std::string_view summed = own ? bytes : whole;
    std::string lines = checksum_line(kind == several ? checksum::algorithm::sha256 : checksum::algorithms[kind - 1U], summed);
    if (kind == several) lines += checksum_line(checksum::algorithm::crc32, summed);
    if (typed || !of_a_range) lines += "x-amz-checksum-type: FULL_OBJECT\r\n";
    return lines;
  }
  /// A head without its length, and a body, in which a bit may be wrong.
  [[nodiscard]] std::pair<std::string, std::string> parts(std::string_view request, std::optional<std::size_t> flip = {}) {
    if (request.substr(0, 6) != "GET /b") return {"HTTP/1.1 400 No\r\n", {}};
    if (request.substr(6, 1) == "?" || request.substr(6, 2) == "/?") return {"HTTP/1.1 200 OK\r\n", list(request)};
    const std::size_t object = key_letters.find(request[7]);
    if (request[8] != ' ' || object >= how_->objects) return {"HTTP/1.1 404 No\r\n", "<Error><Code>NoSuchKey</Code></Error>"};
    if (const auto match = header(request, "if-match"); !match.empty() && match != etag(object))
      return {"HTTP/1.1 412 No\r\n", {}};
    const std::uint64_t size = how_->size_of(object);
    std::uint64_t first = 0;
    std::uint64_t end = size;
    std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string_view range = how_->ignores_ranges ? std::string_view() : header(request, "range");
    if (!range.empty()) {
      unsigned long long from = 0;
      unsigned long long last = 0;
      must(std::sscanf(std::string(range).c_str(), "bytes=%llu-%llu", &from, &last) == 2, "a range is well written");
      const std::string total = how_->says_no_total ? "*" : std::to_string(size);
      if (from >= size)
        return {how_->says_no_total ? "HTTP/1.1 416 No\r\n" : "HTTP/1.1 416 No\r\nContent-Range: bytes */" + total + "\r\n", {}};
      first = from;
      end = std::min<std::uint64_t>(size, last + 1);
      head = "HTTP/1.1 206 OK\r\nContent-Range: bytes " + std::to_string(first) + '-' + std::to_string(end - 1) + '/' + total + "\r\n";
    }
    if (!how_->has_no_etags) head += "ETag: " + etag(object) + "\r\n";
    std::string body(content(object, version_, first, end - first));
    if (!header(request, "x-amz-checksum-mode").empty())
      head += checksum_lines(content(object, version_, 0, size), body, !range.empty());
    if (flip && !body.empty()) {
      flipped_ = true;
      body[*flip % body.size()] ^= static_cast<char>(1 << *flip % 8);
    }
    return {head, std::move(body)};
  }
  [[nodiscard]] std::string good(std::string_view request, std::optional<std::size_t> flip = {}) {
    const std::pair<std::string, std::string> answer = parts(request, flip);
    return how_->sends_chunks ? chunked(answer, 4000) : sized(answer.first, answer.second);
  }
  /// Not in more chunks than can be read in a moment.
  [[nodiscard]] static std::string chunked(const std::pair<std::string, std::string>& parts, std::size_t chunk) {
    const auto& [head, body] = parts;
    chunk = std::max(chunk, body.size() / 4000);
    std::string answer = head + "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += chunk) {
      const std::size_t size = std::min(chunk, body.size() - at);
      char line[24];
      std::snprintf(line, sizeof line, "%zx\r\n", size);
      answer.append(line).append(body, at, size).append("\r\n");
    }
    return answer + "0\r\n\r\n";
  }

  const settings* how_ = nullptr;
  script* script_ = nullptr;
  std::deque<peer> peers_;
  peer* current_ = nullptr;
  unsigned version_ = 0;
  unsigned refusing_ = 0;
  bool changed_ = false;
  bool flipped_ = false;
  std::size_t sent_ = 0;
};

/// What was listed and what came of it. Objects are told apart by where their key lies: a list may name one twice.
class ledger {
 public:
  ledger(const settings& how, const server& peer) noexcept : how_(how), server_(peer) {}

  [[nodiscard]] async_generator<object> recorded(async_generator<object> from) {
    for (;;) {
      std::optional<object> next = co_await from.next();
      if (!next) break;
      listing& each = listed_[std::string(next->key)];
      ++each.count;
      // Who does not match ETags, or has none to match, takes the size from the answer.
      each.longest = how_.match_etag && !next->etag.empty() ? std::max(each.longest, *next->size) : ~std::uint64_t{0};
      ++objects_;
      co_yield std::move(*next);
    }
  }
  void given(std::string_view key) {
    listed_[std::string(key)] = {1, ~std::uint64_t{0}};
    ++objects_;
  }

  void take(const page& got) {
    ++pages_;
    const object& of = got.object();
    const auto known = listed_.find(std::string(of.key));
    must(known != listed_.end(), "a page is of an object that was listed");
    progress& at = open_[of.key.data()];
    if (how_.order == page_order::by_key)
      must(open_.size() == 1, "in order, all of an object comes before anything of the next");
    // Of a failure it is how many bytes came before it.
    must(got.offset() == (got.failure() == nullptr ? how_.range.first : 0) + at.bytes, "pages follow one another");
    if (got.failure() == nullptr) {
      const std::string_view text = got.text();
      must(text.size() <= known->second.longest - at.bytes, "no more comes than was listed");
      // An answer in chunks does not say how long the object is.
      std::uint64_t end = of.size.value_or(~std::uint64_t{0});
      if (how_.asks_range()) end = std::min(end, how_.range.last + 1);
      must(of.size || known->second.longest == ~std::uint64_t{0} || how_.asked != question::all,
           "an object that is held to what was listed has a size");
      must(got.offset() + text.size() <= end, "no more comes than was asked for");
      must(!text.empty() || got.last(), "only a last page is empty");
      if (!server_.changed()) check(of, got.offset(), text, at);
      at.bytes += text.size();
      if (!got.last()) return;
      must(!of.size || got.offset() + text.size() == end, "a whole object is as long as it says");
      if (!server_.changed()) check_whole(of, at);
      ++whole_;
    }
    open_.erase(of.key.data());
    must(++known->second.ended <= known->second.count, "an object ends once");
  }
  void failed(const error& why) {
    if (server_.changed() || why.code() != errc::corrupted) return;
    must(server_.flipped() || server_.version() > 0, "what is not changed is not corrupted");
    must(how_.verify != verify::off, "what is not verified is not corrupted");
    if (how_.verify != verify::before_delivery || how_.asks_range()) return;
    const std::size_t object = key_letters.find(why.key());
    must(object != key_letters.npos, "what is corrupted has a key");
    if (how_.size_of(object) > slot_bytes) return;
    for (const auto& [key, each] : open_)
      must(key[0] != why.key()[0] || each.bytes == 0, "nothing of a small object comes before its checksum holds");
  }
  void end(bool whole_run) const {
    if (!whole_run) return;
    must(open_.empty(), "what began has ended");
    std::size_t ended = 0;
    for (const auto& [key, each] : listed_) ended += each.ended;
    must(ended == objects_, "every object ends, whole or with its failure");
    if (!server_.changed() && !how_.given_keys && how_.asked == question::all)
      must(objects_ == how_.objects, "every object is listed");
  }
  [[nodiscard]] std::size_t pages() const noexcept { return pages_; }

 private:
  struct listing {
    std::size_t count = 0;
    std::uint64_t longest = 0;
    std::size_t ended = 0;
  };
  struct progress {
    std::uint64_t bytes = 0;
    std::optional<std::bitset<256>> versions = {};
    bool right = true;
  };
  /// Of an object without ETags that comes in several answers nobody can tell that they are of one version.
  [[nodiscard]] bool may_mix_versions(std::size_t object) const noexcept {
    return how_.has_no_etags && server_.version() > 0 && how_.size_of(object) > 500'000;
  }
  void check(const object& of, std::uint64_t offset, std::string_view text, progress& at) const {
    if (text.empty()) return;
    const std::size_t object = key_letters.find(of.key);
    must(object != key_letters.npos && of.key.size() == 1, "the key is one of the server's");
    if (may_mix_versions(object)) return;
    // What has come so far may be of several versions, if it is little; newer ones than there were at its beginning it can't be of.
    if (!at.versions) {
      at.versions.emplace();
      for (unsigned version = 0; version <= std::min(server_.version(), 255U); ++version) at.versions->set(version);
    }
    for (unsigned version = 0; version < 256; ++version)
      if (at.versions->test(version) && text != content(object, version, offset, text.size())) at.versions->reset(version);
    at.right = at.versions->any();
    must(at.right || server_.flipped(), "the bytes are those of one version of the object");
  }
  void check_whole(const object& of, const progress& at) const {
    const std::size_t object = key_letters.find(of.key);
    const std::uint64_t size = how_.size_of(object);
    if (how_.asks_range()) {
      // Of a whole answer in chunks it is known only at its end, behind which there is nothing.
      must(how_.range.first < size || size == 0 || how_.ignores_ranges, "a range behind the object's end is refused");
      must(at.bytes == std::min(size, how_.range.last + 1) - std::min(size, how_.range.first), "a range is whole");
    } else {
      must(at.bytes == size, "a whole object has all of its bytes");
    }
    must(of.verification() != verification::pending, "with the last page it is known whether the object is verified");
    must((how_.verify == verify::off) == (of.verification() == verification::off), "what is not to be verified is not");
    if (how_.checksums == 0 || how_.checksums == of_parts)
      must(!verified(of.verification()), "nothing is verified without a checksum");
    must(at.right || !verified(of.verification()), "what is verified is right");
    // Of an answer of all of the object a checksum is the object's.
    const bool size_known = how_.asked == question::all && !how_.given_keys && how_.match_etag && !how_.has_no_etags;
    const bool ranges = how_.asks_range() || !(how_.ignores_ranges || size_known);
    if (!ranges && size < 500'000 && how_.checksums != 0 && how_.checksums != of_parts && how_.verify != verify::off)
      must(at.right && (verified(of.verification()) || at.bytes == 0), "what has a checksum is verified");
  }

  const settings& how_;
  const server& server_;
  std::map<std::string, listing> listed_;
  std::map<const char*, progress> open_;
  std::size_t objects_ = 0;
  std::size_t pages_ = 0;
  std::size_t whole_ = 0;
};

task<> consume(client& s3, const settings& how, ledger& book, bool& whole_run) {
  std::deque<page> held;
  page_stream pages;
  const keys_options options{.on_error = how.failures, .match_etag = how.match_etag};
  const bool ordered = how.order == page_order::by_key;
  if (how.asked != question::all) {
    book.given("a");
    get_options what{.bucket = "b", .key = "a"};
    if (how.asks_range()) what.range = how.range;
    if (how.conditional) what.if_match = "\"a0\"";
    pages = s3.get(what);
  } else if (how.given_keys) {
    std::vector<std::string_view> keys;
    for (std::size_t i = 0; i < how.objects; ++i) keys.push_back(key_letters.substr(i, 1));
    for (const std::string_view key : keys) book.given(key);
    pages = ordered ? s3.page_ordered("b", keys, options) : s3.page_unordered("b", keys, options);
  } else {
    auto objects = book.recorded(s3.list({.bucket = "b"}));
    pages = ordered ? s3.page_ordered("b", std::move(objects), options) : s3.page_unordered("b", std::move(objects), options);
  }
  try {
    for (;;) {
      std::optional<page> next = co_await pages.next();
      if (!next) break;
      if (next->failure() != nullptr) book.failed(*next->failure());
      book.take(*next);
      if (next->failure() != nullptr) continue;
      held.push_back(std::move(*next));
      if (held.size() > how.held) held.pop_front();
    }
    whole_run = true;
  } catch (const error& failed) {
    must(bool(failed.code()) && failed.what()[0] != '\0', "a failure says what it is");
    book.failed(failed);
  }
}

struct world {
  manual_clock time;
  server peer;
  ring::reactor loop{{.clock = &time, .entries = 64, .hook = &peer}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static world in;  // making a ring takes longer than most runs
  if (size > 4096) return 0;
  script what({reinterpret_cast<const char*>(data), size});
  const settings how(what);
  in.peer.begin(how, what);
  const std::size_t frames = coro::frame_pool::local().live();
  const std::size_t descriptors = ring::descriptor::live();
  const std::size_t operations = in.loop.live_operations();

  ledger book(how, in.peer);
  ref<ring::buffer_pool> window;
  {
    client s3(in.loop, {.anonymous = true,
                        .region = "us-east-1",
                        .endpoint_url = "http://127.0.0.1:9",
                        .addressing = addressing::path,
                        .window_bytes = 16 * slot_bytes,
                        .slot_bytes = slot_bytes,
                        .concurrency = how.lanes,
                        .verify = how.verify,
                        .retry = {.max_attempts = how.attempts},
                        .jitter_seed = 1,
                        .hedge = how.hedges ? hedge_policy{.max_share = 1, .least_samples = 1} : hedge_policy{}});
    window = s3.window();
    bool whole_run = false;
    std::optional<test::root<>> run(std::in_place, in.loop.ready(), consume(s3, how, book, whole_run));
    for (std::size_t turns = 0; !run->done(); ++turns) {
      must(turns < 50'000 + in.peer.sent(), "a run ends");
      must(s3.window_used() <= 16 * slot_bytes, "the window bounds what is received");
      if (book.pages() >= how.dropped_after) break;
      if (in.loop.run_once(ring::reactor::wait::no) || run->done()) continue;
      if (in.peer.step(in.time)) continue;
      const time_point next = in.loop.timers().next();
      must(next != no_deadline, "whoever waits has a deadline");
      if (next > in.time.now()) in.time.advance(next - in.time.now());
    }
    const bool ended = run->done();
    if (ended) run->result();
    run.reset();
    book.end(ended && whole_run);
  }
  in.peer.end();
  for (int turns = 0; turns < 100 && in.loop.live_operations() != operations; ++turns)
    static_cast<void>(in.loop.run_once(ring::reactor::wait::no));
  must(in.loop.live_operations() == operations, "no operation is left");
  must(ring::descriptor::live() == descriptors, "no descriptor is left");
  must(coro::frame_pool::local().live() == frames, "no frame is left");
  must(window->held() == 0 && window->granted() == 0, "no slot is left");
  must(in.loop.timers().empty(), "no timer is left");
  return 0;
}
