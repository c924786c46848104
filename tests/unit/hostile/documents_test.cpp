// Bodies that are not the XML that S3 sends, or not quite.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/xml/list_result.hpp"
#include "unit/hostile/scene.hpp"

namespace s3pager::test::hostile {

namespace {

using namespace std::string_literals;

class writer {
 public:
  explicit writer(corpus& into) : into_(into) {}

  scene& list(const std::string& name, const std::string& body, outcome wanted, std::optional<errc> as = {}) {
    into_.push_back({.name = "list body: " + name,
                     .what = question::list,
                     .answer = with_length(good_head(question::list), body),
                     .wanted = wanted,
                     .as = as});
    return into_.back();
  }
  scene& refused(const std::string& name, const std::string& body) {
    return list(name, body, outcome::fails, errc::protocol_violation);
  }
  scene& harmless(const std::string& name, const std::string& body) { return list(name, body, outcome::exact); }
  scene& error(const std::string& name, const std::string& status, const std::string& body, std::optional<errc> as = {}) {
    into_.push_back({.name = "error body: " + name,
                     .what = question::object,
                     .answer = with_length("HTTP/1.1 " + status + "\r\nx-amz-request-id: R\r\n", body),
                     .wanted = outcome::fails,
                     .as = as});
    return into_.back();
  }

 private:
  corpus& into_;
};

/// The good list with `from` replaced.
std::string with(std::string_view from, std::string_view to) {
  std::string body = good_list_body();
  return body.replace(body.find(from), from.size(), to);
}
std::string times(std::string_view text, std::size_t count) {
  std::string made;
  made.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) made += text;
  return made;
}
std::string root(std::string_view inside) { return "<ListBucketResult>" + std::string(inside) + "</ListBucketResult>"; }

constexpr std::string_view contents =
    "<Contents><Key>k</Key><LastModified>2026-11-24T10:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>10</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>";

void markup(writer to) {
  const std::string good = good_list_body();
  for (std::size_t i = 0; i < 24; ++i) {
    const std::size_t at = i * good.size() / 24;
    to.refused("cut off after " + std::to_string(at), good.substr(0, at));
  }
  to.refused("cut off before its last character", good.substr(0, good.size() - 1));
  for (const char* tag : {"</Key>", "</Contents>", "</ListBucketResult>", "</IsTruncated>", "</Size>", "</ETag>"})
    to.refused("without "s + tag, with(tag, ""));
  for (const char* tag : {"<Key>", "<Contents>", "<IsTruncated>", "<Size>"}) to.refused("without "s + tag, with(tag, ""));
  to.refused("tags that cross", with("<Key>k</Key><LastModified>", "<Key>k<LastModified></Key>"));
  to.refused("nothing", "");
  to.refused("blanks", "  \n ");
  to.refused("text", "OK");
  to.refused("JSON", "{\"Contents\": []}");
  to.refused("a page of HTML", "<!DOCTYPE html><html><body>Welcome</body></html>");
  to.refused("a page of HTML without its type", "<html><body>Welcome</body></html>");
  to.refused("another root", "<ListAllMyBucketsResult></ListAllMyBucketsResult>");
  to.refused("an older root", "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>");
  to.refused("a root in another case", "<listbucketresult><IsTruncated>false</IsTruncated></listbucketresult>");
  to.refused("two roots", good + "<ListBucketResult></ListBucketResult>");
  to.refused("a list in an answer", "<Answer>" + good.substr(good.find("<List")) + "</Answer>");
  to.refused("text after the root", good + "x");
  to.refused("an empty root", root({}));
  to.refused("a root that ends itself", "<ListBucketResult/>");
  to.refused("a byte order mark of UTF-16", "\xff\xfe" + good);
  to.refused("UTF-16", [&] {
    std::string wide = "\xff\xfe";
    for (const char c : good) (wide += c) += '\0';
    return wide;
  }());
  to.harmless("a byte order mark of UTF-8", "\xef\xbb\xbf" + good);
  to.harmless("blanks around it", "\r\n \t" + good.substr(good.find("<List")) + "\r\n\r\n");
  to.harmless("comments", "<!-- a -->" + good.substr(good.find("<List")) + "<!-- b -->");
  to.harmless("an unknown element", with("<Contents>", "<New a=\"b\"><x>y</x></New><Contents>"));
  to.harmless("another name space", with("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", "<ListBucketResult>"));
  to.refused("an attribute without its end", with("xmlns=\"", "xmlns=\"\"\""));
  to.refused("a NUL in a key", with("<Key>k", "<Key>k\0"s));
  to.refused("a NUL before it", "\0"s + good);
  to.refused("a NUL after it", good + "\0"s);
  to.refused("a reference to NUL", with("<Key>k", "<Key>k&#0;"));
  to.refused("a reference to NUL in hexadecimal", with("<Key>k", "<Key>k&#x00;"));
  to.refused("a reference beyond all characters", with("<Key>k", "<Key>k&#4294967296;"));
  to.refused("a reference that is none", with("<Key>k", "<Key>k&#zz;"));
  to.refused("a section in a key", with("<Key>k", "<Key>a<![CDATA[b]]>"));
  to.refused("a comment in a key", with("<Key>k", "<Key>a<!-- b -->"));
  to.refused("an element in a key", with("<Key>k", "<Key>a<b/>"));
  to.refused("a section without its end", with("<Key>k", "<Key><![CDATA[b"));
  to.refused("a comment without its end", with("<Contents>", "<!-- <Contents>"));
  to.refused("an instruction without its end", "<?xml version=\"1.0\"" + good.substr(good.find("<List")));
  to.harmless("a section as the key", with("<Key>k", "<Key><![CDATA[k]]>"));
  to.harmless("a key by reference", with("<Key>k", "<Key>&#107;"));
}

void entities(writer to) {
  const std::string list = good_list_body().substr(good_list_body().find("<List"));
  std::string laughs = "<!DOCTYPE lolz [<!ENTITY l0 \"lol\">";
  for (int i = 1; i < 10; ++i)
    laughs += "<!ENTITY l" + std::to_string(i) + " \"" + times("&l" + std::to_string(i - 1) + ";", 10) + "\">";
  laughs += "]>";
  const auto use = [&](const char* entity) {
    std::string body = list;
    return body.replace(body.find("<Key>k"), 6, "<Key>"s + entity);
  };
  to.refused("a billion laughs", laughs + use("&l9;"));
  to.refused("a billion laughs that nobody hears", laughs + list);
  to.refused("an external entity", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" + use("&e;"));
  to.refused("an external entity of a host", "<!DOCTYPE x [<!ENTITY e SYSTEM \"http://127.0.0.1/\">]>" + use("&e;"));
  to.refused("an external document type", "<!DOCTYPE x SYSTEM \"http://127.0.0.1/x.dtd\">" + list);
  to.refused("a parameter entity", "<!DOCTYPE x [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>" + list);
  to.refused("a document type after a comment", "<!-- a --><!DOCTYPE x>" + list);
  to.refused("a document type after an instruction", "<?xml version=\"1.0\"?><!DOCTYPE x>" + list);
  to.refused("a document type within", root("<!DOCTYPE x><IsTruncated>false</IsTruncated>"));
  // An entity that nobody has explained stays the characters that it is, as a key may be.
  to.list("an unknown entity in a key", use("&unknown;"), outcome::either);
}

void sizes(writer to) {
  for (const char* size : {"-1", "+1", "0x10", " 10", "10 ", "1e3", "10.5", "10,000", "", "ten", "18446744073709551616", "99999999999999999999999",
                           "-18446744073709551606", "\xd9\xa1", "NaN", "1_0", "10;", "10<x/>"})
    to.refused("size '"s + size + "'", with("<Size>10", "<Size>"s + size));
  for (const char* size : {"0", "9", "11", "1000000", "1099511627776", "9223372036854775807", "9223372036854775808", "18446744073709551615"})
    to.list("size "s + size + ", which is not that of the object", with("<Size>10", "<Size>"s + size), outcome::fails);
  to.harmless("a size with zeros", with("<Size>10", "<Size>000010"));
}

void fields(writer to) {
  to.refused("no key", with("<Key>k</Key>", ""));
  to.refused("an empty key", with("<Key>k", "<Key>"));
  to.refused("a key that ends itself", with("<Key>k</Key>", "<Key/>"));
  to.refused("no size", with("<Size>10</Size>", ""));
  to.refused("no word on the end", with("<IsTruncated>false</IsTruncated>", ""));
  for (const char* word : {"", "no", "0", "falsee", " false", "truefalse", "null"})
    to.refused("the end is '"s + word + "'", with("<IsTruncated>false", "<IsTruncated>"s + word));
  to.refused("it goes on, without a token", with("<IsTruncated>false", "<IsTruncated>true"));
  to.refused("it goes on, with an empty token",
             with("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated><NextContinuationToken></NextContinuationToken>"));
  // Every list is answered so: the second one has the same token again.
  to.refused("it goes on, with the same token again",
             with("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"));
  to.refused("it goes on, with nothing on it",
             root("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"));
  to.refused("a token of 100 KB", with("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated><NextContinuationToken>" +
                                                                                 std::string(100'000, 't') + "</NextContinuationToken>"))
      .as = errc::invalid_argument;
  for (const char* field : {"Name", "Prefix", "IsTruncated", "EncodingType", "KeyCount"})
    to.refused(field + " twice"s, with("<Contents>", "<"s + field + ">false</" + field + "><Contents>"));
  for (const char* field : {"Key", "Size", "ETag", "LastModified", "StorageClass"})
    to.refused("an object's "s + field + " twice", with("</Contents>", "<"s + field + ">1</" + field + "></Contents>"));
  to.harmless("no ETag", with("<ETag>&quot;e&quot;</ETag>", ""));
  to.harmless("no time", with("<LastModified>2026-11-24T10:00:00.000Z</LastModified>", ""));
  for (const char* time : {"", "yesterday", "2026-13-45T99:99:99Z", "99999-01-01T00:00:00Z", "-1", "1970-01-01T00:00:00+99:99"})
    to.harmless("the time '"s + time + "'", with("2026-11-24T10:00:00.000Z", time));
  for (const char* count : {"-1", "0", "2", "18446744073709551616", "many", ""})
    to.harmless("the count of keys is '"s + count + "'", with("<KeyCount>1", "<KeyCount>"s + count));
  to.harmless("another bucket's name", with("<Name>b", "<Name>other"));
  to.harmless("another prefix", with("<Prefix>", "<Prefix>other"));
  to.harmless("common prefixes unasked", with("<Contents>", "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes><Contents>"));
  to.refused("common prefixes without one", with("<Contents>", "<CommonPrefixes></CommonPrefixes><Contents>"));
  to.harmless("an ETag that no header can hold", with("&quot;e&quot;", "a&#10;b")).wanted = outcome::fails;
  to.list("an ETag of 100 KB", with("&quot;e&quot;", std::string(100'000, 'e')), outcome::fails, errc::invalid_argument);
  to.harmless("an owner", with("</Contents>", "<Owner><ID>o</ID><DisplayName>n</DisplayName></Owner></Contents>"));
}

void keys(writer to) {
  for (const char* key : {"%", "%4", "%zz", "a%", "%%", "%g0", "%0g", "k%-1"})
    to.refused("the key '"s + key + "'", with("<Key>k", "<Key>"s + key));
  to.harmless("a key that is encoded", with("<Key>k", "<Key>%6b"));
  // These are other objects, which the server does not have: what is asked for is what was listed, as far as a request can hold it.
  for (const char* key : {"+", "..", "../../etc/passwd", "/", "//", "%00", "%0d%0a", "%ff%fe", "\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "k k", "?", "#"})
    to.list("the key '"s + key + "'", with("<Key>k", "<Key>"s + key), outcome::fails, errc::not_found);
  to.list("a key of 1,024 bytes", with("<Key>k", "<Key>" + std::string(1024, 'k')), outcome::fails, errc::not_found);
  to.list("a key of 1,025 bytes", with("<Key>k", "<Key>" + std::string(1025, 'k')), outcome::fails);
  to.list("a key of 100 KB", with("<Key>k", "<Key>" + std::string(100'000, 'k')), outcome::fails, errc::invalid_argument);
  to.list("a key of 1 MB", with("<Key>k", "<Key>" + std::string(1'000'000, 'k')), outcome::fails, errc::invalid_argument).memory = 6 << 20;
  to.list("a key twice", with("</ListBucketResult>", std::string(contents) + "</ListBucketResult>"), outcome::fails).as = errc::protocol_violation;
  to.list("keys out of order", with("<Contents>", "<Contents><Key>z</Key><Size>0</Size></Contents><Contents>"), outcome::fails);
  to.refused("an unknown encoding, and a bad key", with("<Key>k", "<Key>%zz")).answer =
      with_length(good_head(question::list), with("<Key>k", "<Key>%zz"));
  to.list("another encoding", with("<EncodingType>url", "<EncodingType>base64"), outcome::either);
  to.list("no encoding", with("<EncodingType>url</EncodingType>", ""), outcome::exact);
}

void large(writer to) {
  for (const int depth : {17, 100, 10'000})
    to.refused("nested " + std::to_string(depth) + " deep",
               root("<IsTruncated>false</IsTruncated>" + times("<d>", static_cast<std::size_t>(depth)) +
                    times("</d>", static_cast<std::size_t>(depth))));
  to.harmless("nested 5 deep", with("<Contents>", "<a><b><c><d><e></e></d></c></b></a><Contents>"));
  // As many as fit into the 4 MiB of a list: nothing but the body is made of them.
  to.refused("a million elements", root(times("<a/>", 1'000'000))).memory = 5 << 20;
  to.refused("a million elements and texts", root(times("<a/>x", 800'000))).memory = 5 << 20;
  to.refused("three hundred thousand objects", root("<IsTruncated>false</IsTruncated>" + times("<Contents>", 300'000))).memory = 5 << 20;
  to.refused("eight hundred thousand attributes", "<ListBucketResult " + times("a=\"\" ", 800'000) + "></ListBucketResult>").memory = 5 << 20;
  // As much as is parsed, refused for each other reason.
  to.refused("a hundred thousand objects", root("<IsTruncated>false</IsTruncated>" + times("<Contents/>", 100'000))).memory = 9 << 20;
  to.refused("ten thousand objects, and the last has no size",
             root("<IsTruncated>false</IsTruncated>" + times("<Contents><Key>k</Key><Size>1</Size></Contents>", 9'999) +
                  "<Contents><Key>k</Key></Contents>" + times("<a/>", 100'000)))
      .memory = 11 << 20;
  to.harmless("a comment of 1 MB", with("<Contents>", "<!--" + std::string(1 << 20, 'c') + "--><Contents>")).memory = 2 << 20;
  const std::string_view gap = "<!----><Contents>";
  const std::size_t room = xml::max_list_bytes - with("<Contents>", gap).size();
  const auto filled = [&](std::size_t bytes) { return with("<Contents>", "<!--" + std::string(bytes, 'c') + "--><Contents>"); };
  to.harmless("4 MiB of it", filled(room)).memory = 5 << 20;
  to.refused("4 MiB of it and a byte", filled(room + 1));
  scene& unannounced = to.refused("4 MiB of it and a byte, without its length", {});
  unannounced.answer = good_head(question::list) + "\r\n" + filled(room + 1);
  unannounced.then = ending::close;
  unannounced.memory = 9 << 20;
  scene& blanks = to.list("blanks for ever", "", outcome::fails, errc::protocol_violation);
  blanks.answer = good_head(question::list) + "\r\n<ListBucketResult>";
  blanks.forever = std::string(16'000, ' ');
  blanks.memory = 9 << 20;
  blanks.accepted = 5 << 20;
  scene& objects = to.list("objects for ever", "", outcome::fails, errc::protocol_violation);
  objects.answer = good_head(question::list) + "\r\n<ListBucketResult>";
  objects.forever = times(contents, 100);
  objects.memory = 9 << 20;
  objects.accepted = 5 << 20;
}

void errors(writer to) {
  const std::string good = good_error_body();
  const std::string no = "404 Not Found";
  to.error("whole", no, good, errc::not_found);
  for (std::size_t i = 0; i < 12; ++i) {
    const std::size_t at = i * good.size() / 12;
    to.error("cut off after " + std::to_string(at), no, good.substr(0, at), errc::not_found);
  }
  to.error("none", no, "", errc::not_found);
  to.error("HTML", no, "<html><body>Not Found</body></html>", errc::not_found);
  to.error("with a document type", no, "<!DOCTYPE x [<!ENTITY e \"x\">]>" + good.substr(good.find("<Error")), errc::not_found);
  to.error("with a NUL", no, good + "\0"s, errc::not_found);
  to.error("with control characters", no, "<Error><Code>NoSuchKey</Code><Message>\x1b[2J\x07</Message></Error>", errc::not_found);
  to.error("with a code of 10 KB", no, "<Error><Code>" + std::string(10'000, 'C') + "</Code></Error>", errc::not_found);
  to.error("with an unknown code", no, "<Error><Code>Whatever</Code></Error>", errc::not_found);
  to.error("with an empty code", no, "<Error><Code></Code></Error>", errc::not_found);
  to.error("with another code than its status", no, "<Error><Code>SlowDown</Code></Error>", errc::throttled);
  to.error("nested 10,000 deep", no, "<Error>" + times("<a>", 10'000) + times("</a>", 10'000) + "</Error>", errc::not_found);
  to.error("of 70 KB", "503 Slow Down", good + std::string(70'000, ' '));
  to.error("of 10 MB", "503 Slow Down", good + std::string(10'000'000, ' '));
  to.error("with a list", no, good_list_body(), errc::not_found);
  scene& forever = to.error("for ever", "503 Slow Down", "");
  forever.answer = "HTTP/1.1 503 Slow Down\r\n\r\n<Error><Code>SlowDown</Code>";
  forever.forever = std::string(1000, ' ');
  for (const char* after : {"-1", "1e9", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "", "+5", "0x10"}) {
    scene& made = to.error("Retry-After '"s + after + "'", "503 Slow Down", good);
    made.answer = with_length("HTTP/1.1 503 Slow Down\r\nRetry-After: "s + after + "\r\n", "<Error><Code>SlowDown</Code></Error>");
    made.as = errc::throttled;
  }
  for (const char* status : {"300 x", "301 x", "302 x", "307 x", "308 x"}) {
    scene& made = to.error("a redirect, "s + status, status, "");
    made.answer = "HTTP/1.1 "s + status + "\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  }
  // 200 with an error body, as S3 answers what failed on the way.
  to.list("an error instead", good, outcome::fails, errc::not_found);
  to.list("an error in an envelope instead", "<ErrorResponse><Error><Code>SlowDown</Code></Error></ErrorResponse>", outcome::fails, errc::throttled);
  to.list("an error without a code instead", "<Error></Error>", outcome::fails);
}

}  // namespace

corpus documents() {
  corpus made;
  const writer to(made);
  markup(to);
  entities(to);
  sizes(to);
  fields(to);
  keys(to);
  large(to);
  errors(to);
  return made;
}

}  // namespace s3pager::test::hostile
