// What nginx serves: files, some under many names, and the pages of the lists that name them. Made when a scene needs them, as they are
// large: more than a processor's caches hold, for sent files are read by the client's copy.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Objects of one size whose keys begin with `prefix`.
struct object_set {
  std::string prefix = {};
  unsigned count = 0;
  std::uint64_t bytes = 0;

  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> made;
    made.reserve(count);
    for (unsigned i = 0; i < count; ++i) made.push_back(key(i));
    return made;
  }
  [[nodiscard]] std::string key(unsigned index) const {
    std::string number = std::to_string(index);
    number.insert(0, 7 - std::min<std::size_t>(number.size(), 7), '0');
    return prefix + number;
  }
};

class server_data {
 public:
  static constexpr unsigned keys_a_page = 1000;
  static constexpr unsigned few_keys = 128;  ///< as s3pager asks for to begin with

  server_data(std::filesystem::path root, std::string bucket) : root_(std::move(root)), bucket_(std::move(bucket)) {
    std::filesystem::create_directories(root_ / bucket_);
    std::filesystem::create_directories(root_ / "lists");
  }

  /// Objects and their list; nothing if they are there.
  void make(const object_set& what) const {
    if (listed(what)) return;
    const auto files = static_cast<unsigned>(std::clamp<std::uint64_t>(different_bytes / what.bytes, 1, 256));
    for (unsigned i = 0; i < what.count; ++i) {
      const std::filesystem::path name = root_ / bucket_ / what.key(i);
      if (i < files)
        write_random(name, what.bytes, i);
      else
        std::filesystem::create_hard_link(root_ / bucket_ / what.key(i % files), name);
    }
    make_list(what, etag(what.bytes));
  }
  /// The list alone: of objects that nobody asks for.
  void make_list(const object_set& what) const {
    if (!listed(what)) make_list(what, "\"d41d8cd98f00b204e9800998ecf8427e\"");
  }

 private:
  [[nodiscard]] bool listed(const object_set& what) const {
    return std::filesystem::exists(root_ / "lists" / (what.prefix + ".xml"));
  }

  static constexpr std::uint64_t different_bytes = 256 << 20;          // of a set of objects
  static constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30;  // that are written of one
  static constexpr std::time_t written = 1'767'323'045;        // all of them, whenever that was

  static void write_random(const std::filesystem::path& name, std::uint64_t bytes, unsigned seed) {
    if (bytes > most_bytes) {  // of zeros, which take no memory
      std::ofstream(name, std::ios::binary).flush();
      std::filesystem::resize_file(name, bytes);
      return set_time(name);
    }
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> block((std::min<std::uint64_t>(bytes, 16 << 20) + 7) / 8);
    for (std::uint64_t& each : block) each = random();
    std::ofstream to(name, std::ios::binary);
    for (std::uint64_t done = 0; done < bytes;) {
      const std::uint64_t some = std::min<std::uint64_t>(block.size() * 8, bytes - done);
      to.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(some));
      done += some;
    }
    to.close();
    if (!to) throw std::runtime_error("can't write " + name.string());
    set_time(name);
  }
  static void set_time(const std::filesystem::path& name) {
    const timespec when[2] = {{written, 0}, {written, 0}};
    if (::utimensat(AT_FDCWD, name.c_str(), when, 0) != 0) throw std::runtime_error("can't write " + name.string());
  }

  /// As nginx gives it, which s3pager's If-Match must agree with: time and size in hexadecimal.
  [[nodiscard]] static std::string etag(std::uint64_t bytes) {
    char text[64];
    std::snprintf(text, sizeof text, "\"%llx-%llx\"", static_cast<unsigned long long>(written),
                  static_cast<unsigned long long>(bytes));
    return text;
  }

  /// A file a page, whose name is the prefix and the token that asks for it; and the first one in two, for who asks for few keys to begin
  /// with.
  void make_list(const object_set& what, const std::string& etag) const {
    const unsigned pages = std::max(1U, (what.count + keys_a_page - 1) / keys_a_page);
    for (unsigned page = pages; page-- > 0;) {  // the first one last: it says that all are there
      const unsigned first = page * keys_a_page;
      const unsigned last = std::min(first + keys_a_page, what.count);
      const std::string next = page + 1 < pages ? token('p', page + 1) : "";
      if (page == 0 && last > few_keys) {
        write_page(what, etag, token('r', 1), {few_keys, last}, next);
        write_page(what, etag, "-" + std::to_string(few_keys), {0, few_keys}, token('r', 1));
      }
      write_page(what, etag, page == 0 ? "" : token('p', page), {first, last}, next);
    }
  }
  struct part {
    unsigned first;
    unsigned end;
  };
  void write_page(const object_set& what, const std::string& etag, const std::string& name, part keys, const std::string& next) const {
    std::string quoted;
    for (const char c : etag) c == '"' ? quoted += "&quot;" : quoted += c;
    std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>" + bucket_ +
                       "</Name><Prefix>" + what.prefix + "</Prefix><KeyCount>" + std::to_string(keys.end - keys.first) +
                       "</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>";
    text += next.empty() ? "<IsTruncated>false</IsTruncated>"
                         : "<IsTruncated>true</IsTruncated><NextContinuationToken>" + next + "</NextContinuationToken>";
    for (unsigned i = keys.first; i < keys.end; ++i)
      text += "<Contents><Key>" + what.key(i) + "</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>" + quoted +
              "</ETag><Size>" + std::to_string(what.bytes) + "</Size><StorageClass>STANDARD</StorageClass></Contents>";
    text += "</ListBucketResult>";
    std::ofstream to(root_ / "lists" / (what.prefix + name + ".xml"), std::ios::binary);
    to << text;
    if (!to.flush()) throw std::runtime_error("can't write a list");
  }
  [[nodiscard]] static std::string token(char kind, unsigned page) { return kind + std::to_string(page); }

  std::filesystem::path root_;
  std::string bucket_;
};

}  // namespace bench
