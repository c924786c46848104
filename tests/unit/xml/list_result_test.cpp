#include "s3pager/xml/list_result.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "s3pager/xml/error_body.hpp"
#include "support/catch.hpp"
#include "support/counted_heap.hpp"
#include "support/counted_operators.hpp"

using namespace s3pager;
using xml::xml_errc;

namespace {

struct outcome {
  std::error_code code;
  ref<xml::list_page> page = {};
  std::unique_ptr<char[]> body = {};  // what was left to the caller
};

outcome parse(std::string_view bytes) {
  outcome result;
  // Exactly as large as the answer, so that a sanitizer sees each byte too many.
  result.body = std::make_unique<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(result.body.get(), bytes.data(), bytes.size());
  result.code = xml::parse_list_page(std::move(result.body), bytes.size(), result.page);
  return result;
}

ref<xml::list_page> read(std::string_view bytes) {
  outcome result = parse(bytes);
  CAPTURE(bytes.substr(0, 2000), result.code.message());
  REQUIRE_FALSE(result.code);
  REQUIRE(result.page);
  CHECK(result.body == nullptr);
  return result.page;
}

std::error_code refusal(std::string_view bytes) {
  const outcome result = parse(bytes);
  CHECK_FALSE(result.page);
  CHECK(result.body != nullptr);
  return result.code;
}

std::string list(std::string_view inside) {
  return "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated>" +
         std::string(inside) + "</ListBucketResult>";
}

std::string object(std::string_view key) {
  return "<Contents><Key>" + std::string(key) + "</Key><Size>1</Size></Contents>";
}

std::string times(std::string_view text, std::size_t count) {
  std::string made;
  made.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) made += text;
  return made;
}

/// The key of a list's only object.
std::string only_key(std::string_view bytes) {
  const auto page = read(bytes);
  REQUIRE(page->contents().size() == 1);
  return std::string(page->contents()[0].key);
}

const std::string url = "<EncodingType>url</EncodingType>";

const std::string aws_page =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>logs</Name><Prefix>2026/11+x/</Prefix>"
    "<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J+wm36Hy4vbOwM=</NextContinuationToken>"
    "<KeyCount>3</KeyCount><MaxKeys>3</MaxKeys><Delimiter>/</Delimiter><EncodingType>url</EncodingType>"
    "<IsTruncated>true</IsTruncated><Contents><Key>2026/11+x/a+b%2Bc*%C3%A9%26.txt</Key>"
    "<LastModified>2026-11-23T04:39:05.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    "<Size>18446744073709551615</Size><Owner><ID>75aa57f09aa0c8ca</ID></Owner><StorageClass>GLACIER</StorageClass>"
    "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>"
    "<RestoreExpiryDate>2026-12-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents>"
    "<Contents><Key>2026/11+x/b</Key><LastModified>2026-11-23T04:39:06.000Z</LastModified>"
    "<ETag>&quot;9a0364b9e99bb480dd25e1f0284c8555-2&quot;</ETag><Size>0</Size><StorageClass>STANDARD</StorageClass>"
    "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus></Contents>"
    "<CommonPrefixes><Prefix>2026/11+x/s%25/</Prefix></CommonPrefixes></ListBucketResult>";

}  // namespace

TEST_CASE("a page of AWS is read whole, and decoded") {
  using namespace std::chrono;
  const auto page = read(aws_page);
  CHECK(page->name() == "logs");
  CHECK(page->prefix() == "2026/11 x/");
  CHECK(page->is_truncated());
  CHECK(page->next_continuation_token() == "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J+wm36Hy4vbOwM=");
  CHECK(page->url_encoded());
  CHECK(page->key_count() == std::optional<std::uint64_t>(3));
  REQUIRE(page->contents().size() == 2);
  const auto& first = page->contents()[0];
  CHECK(first.key == "2026/11 x/a b+c*\xC3\xA9&.txt");
  CHECK(first.etag == "\"d41d8cd98f00b204e9800998ecf8427e\"");
  CHECK(first.size == 18446744073709551615u);
  CHECK(first.last_modified == std::optional(wall_time{sys_days{2026y / 11 / 23} + 4h + 39min + 5s}));
  CHECK(first.storage_class() == "GLACIER");
  CHECK(first.owner_id() == "75aa57f09aa0c8ca");
  CHECK(first.checksum_algorithm() == "CRC64NVME");
  CHECK_FALSE(first.traits().restore_in_progress);
  CHECK(first.traits().restore_expiry == std::optional(wall_time{sys_days{2026y / 12 / 1}}));
  const auto& second = page->contents()[1];
  CHECK(second.key == "2026/11 x/b");
  CHECK(second.etag == "\"9a0364b9e99bb480dd25e1f0284c8555-2\"");
  CHECK(second.size == 0);
  CHECK(second.owner_id().empty());
  CHECK(second.checksum_algorithm().empty());
  CHECK(second.traits().restore_in_progress);
  CHECK_FALSE(second.traits().restore_expiry);
  REQUIRE(page->common_prefixes().size() == 1);
  CHECK(page->common_prefixes()[0] == "2026/11 x/s%/");
}

TEST_CASE("a page of radosgw is read: encoding type last, prefix and token not encoded, control characters") {
  const auto page = read(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Name>b</Name><Prefix>100% of</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>"
      "<Contents><Key>100%25%20of%2F%01%7F</Key><LastModified>2026-11-23T04:39:05.123Z</LastModified>"
      "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass>"
      "<Owner><ID>tester</ID><DisplayName>M. Tester</DisplayName></Owner><Type>Normal</Type></Contents>"
      "<EncodingType>url</EncodingType><KeyCount>1</KeyCount>"
      "<NextContinuationToken>100% of/+&#x01;\x02&#x7f;</NextContinuationToken></ListBucketResult>");
  CHECK(page->prefix() == "100% of");
  CHECK(page->next_continuation_token() == "100% of/+\x01\x02\x7f");
  REQUIRE(page->contents().size() == 1);
  CHECK(page->contents()[0].key == "100% of/\x01\x7f");
  CHECK(page->contents()[0].owner_id() == "tester");
}

TEST_CASE("a page of MinIO that is not encoded is left as it is") {
  const auto page = read(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix><KeyCount>1</KeyCount>"
      "<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>a+b%20c*/&#34;d&#39;&amp;&lt;&gt;</Key>"
      "<LastModified>2026-11-23T04:39:05.123Z</LastModified><ETag>&#34;d41d8cd98f00b204e9800998ecf8427e&#34;</ETag>"
      "<Size>5</Size><Owner><ID></ID><DisplayName></DisplayName></Owner><StorageClass>STANDARD</StorageClass>"
      "<UserMetadata><content-type>x</content-type></UserMetadata></Contents></ListBucketResult>");
  CHECK_FALSE(page->url_encoded());
  CHECK_FALSE(page->is_truncated());
  CHECK(page->next_continuation_token().empty());
  CHECK(page->prefix().empty());
  REQUIRE(page->contents().size() == 1);
  CHECK(page->contents()[0].key == "a+b%20c*/\"d'&<>");
  CHECK(page->contents()[0].etag == "\"d41d8cd98f00b204e9800998ecf8427e\"");
  CHECK(page->contents()[0].owner_id().empty());
}

TEST_CASE("an empty list is a page without objects") {
  const auto page = read(list(""));
  CHECK(page->contents().empty());
  CHECK(page->common_prefixes().empty());
  CHECK_FALSE(page->key_count());
}

TEST_CASE("indented answers with namespace prefixes, comments and unknown elements are read") {
  const auto page = read(
      "\xEF\xBB\xBF<?xml version='1.0'?>\r\n<!-- a > b -->\r\n<s3:ListBucketResult xmlns:s3='urn:x'>\r\n"
      "  <!-- <s3:Contents/> --><s3:IsTruncated>False</s3:IsTruncated>\r\n"
      "  <s3:Future><Contents><Key>hidden</Key></Contents></s3:Future>\r\n"
      "  <s3:Contents a='1'>\r\n <s3:Key b='2'><![CDATA[<&amp;>]]></s3:Key>\r\n <s3:Size>12</s3:Size>\r\n"
      "  </s3:Contents>\r\n</s3:ListBucketResult>\r\n\r\n");
  REQUIRE(page->contents().size() == 1);
  CHECK(page->contents()[0].key == "<&amp;>");
  CHECK(page->contents()[0].size == 12);
  CHECK_FALSE(page->contents()[0].last_modified);
}

TEST_CASE("keys are opaque bytes") {
  SECTION("as XML has them") {
    CHECK(only_key(list(object(" "))) == " ");
    CHECK(only_key(list(object("  a \t\r\n b "))) == "  a \t\r\n b ");
    CHECK(only_key(list(object("&#13;&#10;"))) == "\r\n");
    CHECK(only_key(list(object("&#x1;&#x1F;&#127;"))) == "\x01\x1f\x7f");
    CHECK(only_key(list(object("\x01\x02\x1b\x7f"))) == "\x01\x02\x1b\x7f");
    CHECK(only_key(list(object("//./../+%"))) == "//./../+%");
    CHECK(only_key(list(object("&amp;lt;&amp;#0;"))) == "&lt;&#0;");
    CHECK(only_key(list(object("&#233;&#x20AC;&#x1F600;"))) == "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(only_key(list(object("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"))) == "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(only_key(list(object("\xFF\xFE\xC3"))) == "\xFF\xFE\xC3");
    CHECK(only_key(list(object("&unknown;&"))) == "&unknown;&");
    CHECK(only_key(list(object(std::string(1024, 'k')))) == std::string(1024, 'k'));
  }
  SECTION("as URL encoding has them") {
    CHECK(only_key(list(url + object("+"))) == " ");
    CHECK(only_key(list(url + object("%20%2B%2f%2F/*%2A"))) == " +///**");
    CHECK(only_key(list(url + object("%2525"))) == "%25");
    CHECK(only_key(list(url + object("%26amp%3B&amp;"))) == "&amp;&");
    CHECK(only_key(list(url + object("%C3%A9%FF"))) == "\xC3\xA9\xFF");
    CHECK(only_key(list(url + object("%00a"))) == std::string("\0a", 2));
    CHECK(only_key(list(object("a") + url)) == "a");
    CHECK(only_key(list(object("%41") + url)) == "A");
  }
  SECTION("and only `url` is an encoding") {
    CHECK(only_key(list("<EncodingType></EncodingType>" + object("%41"))) == "%41");
    CHECK(only_key(list("<EncodingType>other</EncodingType>" + object("%41"))) == "%41");
  }
}

TEST_CASE("each byte passes in URL encoding") {
  static constexpr char digits[] = "0123456789abcdef";
  std::string encoded, plain;
  for (int byte = 0; byte < 256; ++byte) {
    encoded += {'%', digits[byte >> 4], digits[byte & 15]};
    plain += static_cast<char>(byte);
  }
  CHECK(only_key(list(url + object(encoded))) == plain);
}

TEST_CASE("duplicate keys stay, in the order of the service") {
  const auto page = read(list(object("b") + object("a") + object("b")));
  REQUIRE(page->contents().size() == 3);
  CHECK(page->contents()[0].key == "b");
  CHECK(page->contents()[1].key == "a");
  CHECK(page->contents()[2].key == "b");
}

TEST_CASE("common prefixes come one or several an element") {
  const auto page = read(list(
      "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>" + object("b") +
      "<CommonPrefixes><Prefix>c/</Prefix><Prefix>d&amp;/</Prefix></CommonPrefixes>"));
  REQUIRE(page->common_prefixes().size() == 3);
  CHECK(page->common_prefixes()[0] == "a/");
  CHECK(page->common_prefixes()[1] == "c/");
  CHECK(page->common_prefixes()[2] == "d&/");
  CHECK(page->contents().size() == 1);
}

TEST_CASE("a page of 1,000 keys is read, and stands on another thread after its reader has gone") {
  std::string inside = url;
  for (int i = 0; i < 1000; ++i)
    inside += "<Contents><Key>logs%2F" + std::to_string(i) + "</Key><Size>" + std::to_string(i * 7) +
              "</Size><ETag>&quot;" + std::to_string(i) + "&quot;</ETag></Contents>";
  auto page = read(list(inside));
  std::size_t right = 0;
  std::thread([page = std::move(page), &right]() mutable {
    for (std::size_t i = 0; i < page->contents().size(); ++i) {
      const auto& listed = page->contents()[i];
      right += listed.key == "logs/" + std::to_string(i) && listed.size == i * 7 &&
               listed.etag == "\"" + std::to_string(i) + "\"";
    }
    page = nullptr;
  }).join();
  CHECK(right == 1000);
}

TEST_CASE("a page that is cut off anywhere is an error, never a shorter list") {
  REQUIRE_FALSE(parse(aws_page).code);
  for (std::size_t length = 0; length < aws_page.size(); ++length) {
    CAPTURE(length);
    CHECK(refusal(std::string_view(aws_page).substr(0, length)) == xml_errc::malformed);
  }
}

TEST_CASE("a page that lost bytes in its middle is never taken for a whole one of fewer objects") {
  for (std::size_t from = aws_page.find("<IsTruncated"); from < aws_page.size(); ++from) {
    const auto result = parse(aws_page.substr(0, from) + "</ListBucketResult>");
    // What ends between two elements is whole XML: only the service's own count could tell.
    if (aws_page.compare(from, 1, "<") == 0 && !result.code) continue;
    CAPTURE(from);
    CHECK(result.code);
  }
}

TEST_CASE("an error in place of a list is told apart, its bytes untouched") {
  const auto bytes = GENERATE(as<std::string>{}, "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>",
                              "<ErrorResponse><Error><Code>InternalError</Code></Error></ErrorResponse>");
  const outcome result = parse(bytes);
  CHECK(result.code == xml_errc::error_answer);
  CHECK_FALSE(result.page);
  REQUIRE(result.body != nullptr);
  const auto error = xml::parse_error_body({result.body.get(), bytes.size()});
  REQUIRE(error);
  CHECK(error->code == "InternalError");
}

TEST_CASE("what is no list is refused with its reason") {
  using namespace std::string_view_literals;
  CHECK(refusal("") == xml_errc::malformed);
  CHECK(refusal(" \n") == xml_errc::malformed);
  CHECK(refusal("garbage") == xml_errc::malformed);
  CHECK(refusal("<") == xml_errc::malformed);
  CHECK(refusal("</ListBucketResult>") == xml_errc::malformed);
  CHECK(refusal("<!-- ") == xml_errc::malformed);
  CHECK(refusal("<html></html>") == xml_errc::wrong_root);
  CHECK(refusal("<ListVersionsResult></ListVersionsResult>") == xml_errc::wrong_root);
  CHECK(refusal("<!DOCTYPE html><html></html>") == xml_errc::doctype_refused);
  CHECK(refusal(list("") + list("")) == xml_errc::malformed);
  CHECK(refusal(list("") + "garbage") == xml_errc::malformed);
  CHECK(refusal(list("\0"sv)) == xml_errc::malformed);
  CHECK(refusal(std::string("\xFF\xFE<\0L\0", 6)) == xml_errc::malformed);
}

TEST_CASE("references to NUL or beyond Unicode, which would cut a key short, are refused") {
  const auto text = GENERATE(as<std::string>{}, "a&#0;b", "a&#x0;b", "a&#x000000;b", "a&#x110000;b", "a&#4294967296;b",
                             "a&#x100000000;b", "a&#;b", "a&#x;b", "a&#xg;b", "a&#12", "a&#-1;b", "a&#X41;b");
  CAPTURE(text);
  CHECK(refusal(list(object(text))) == xml_errc::malformed);
}

TEST_CASE("a list must say whether more follows, and where") {
  const auto of = [](std::string_view inside) {
    return "<ListBucketResult>" + std::string(inside) + "</ListBucketResult>";
  };
  CHECK(refusal("<ListBucketResult/>") == xml_errc::bad_is_truncated);
  CHECK(refusal(of("")) == xml_errc::bad_is_truncated);
  CHECK(refusal(of("<IsTruncated/>")) == xml_errc::bad_is_truncated);
  CHECK(refusal(of("<IsTruncated>yes</IsTruncated>")) == xml_errc::bad_is_truncated);
  CHECK(refusal(of("<IsTruncated>true</IsTruncated>")) == xml_errc::missing_token);
  CHECK(refusal(of("<IsTruncated>true</IsTruncated><NextContinuationToken/>")) == xml_errc::missing_token);
  CHECK(refusal(of("<IsTruncated>true</IsTruncated><IsTruncated>false</IsTruncated>")) ==
        xml_errc::repeated_element);
  CHECK(read(of("<IsTruncated>true</IsTruncated><NextContinuationToken> </NextContinuationToken>"))
            ->next_continuation_token() == " ");
}

TEST_CASE("an object must have a key and a size") {
  const auto size = [](std::string_view text) {
    return list("<Contents><Key>k</Key><Size>" + std::string(text) + "</Size></Contents>");
  };
  CHECK(refusal(list("<Contents><Size>1</Size></Contents>")) == xml_errc::missing_key);
  CHECK(refusal(list("<Contents><Key/><Size>1</Size></Contents>")) == xml_errc::missing_key);
  CHECK(refusal(list("<Contents/>")) == xml_errc::missing_key);
  CHECK(refusal(list("<Contents><Key>k</Key></Contents>")) == xml_errc::bad_size);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "18446744073709551616", "one"}) {
    CAPTURE(text);
    CHECK(refusal(size(text)) == xml_errc::bad_size);
  }
  CHECK(read(size("007"))->contents()[0].size == 7);
  CHECK(refusal(list("<CommonPrefixes/>")) == xml_errc::missing_key);
  CHECK(refusal(list("<CommonPrefixes><Prefix/></CommonPrefixes>")) == xml_errc::missing_key);
}

TEST_CASE("repeated elements are refused: either could be meant") {
  CHECK(refusal(list("<Contents><Key>a</Key><Key>b</Key><Size>1</Size></Contents>")) == xml_errc::repeated_element);
  CHECK(refusal(list("<Contents><Key>a</Key><Size>1</Size><Size>1</Size></Contents>")) ==
        xml_errc::repeated_element);
  CHECK(refusal(list("<EncodingType/><EncodingType>url</EncodingType>")) == xml_errc::repeated_element);
}

TEST_CASE("several checksum algorithms are no error; the first is shown") {
  const auto page = read(list("<Contents><Key>a</Key><Size>1</Size><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
                              "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm></Contents>"));
  CHECK(page->contents()[0].checksum_algorithm() == "CRC32");
}

TEST_CASE("markup inside of a value, which would split it, is refused") {
  const auto key = GENERATE(as<std::string>{}, "a<!-- c -->b", "<!-- c -->b", " <!-- c -->b", "a<b/>c", "<b>a</b>",
                            "a<![CDATA[b]]>", "<![CDATA[a]]><![CDATA[b]]>", "a<?p?>b");
  CAPTURE(key);
  CHECK(refusal(list(object(key))) == xml_errc::unexpected_markup);
}

TEST_CASE("bad URL escapes are refused") {
  for (const char* key : {"%", "a%", "a%4", "%4g", "%g4", "%%41", "%-1"}) {
    CAPTURE(key);
    CHECK(refusal(list(url + object(key))) == xml_errc::bad_url_escape);
    CHECK(refusal(list(url + "<CommonPrefixes><Prefix>" + key + "</Prefix></CommonPrefixes>")) ==
          xml_errc::bad_url_escape);
  }
}

TEST_CASE("entities are never expanded") {
  std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">";
  for (int i = 1; i < 10; ++i) bomb += "<!ENTITY lol" + std::to_string(i) + " \"&lol;&lol;&lol;&lol;&lol;&lol;\">";
  CHECK(refusal(bomb + "]>" + list(object("&lol9;"))) == xml_errc::doctype_refused);
  CHECK(refusal("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">" + list("")) == xml_errc::doctype_refused);
  CHECK(only_key(list(object("&lol9;"))) == "&lol9;");
  // Not in the prolog, where it is looked for: pugixml refuses it as markup.
  CHECK(refusal(list("<!DOCTYPE x>")) == xml_errc::malformed);
}

TEST_CASE("nesting and bytes are bounded") {
  const auto nested = [](std::size_t levels) { return list(times("<a>", levels) + times("</a>", levels)); };
  read(nested(10));
  CHECK(refusal(nested(16)) == xml_errc::too_deep);
  CHECK(refusal(nested(100'000)) == xml_errc::too_deep);
  CHECK(refusal(nested(150'000)) == xml_errc::too_deep);
  const std::string ends = list("");
  read(ends + std::string(xml::max_list_bytes - ends.size(), ' '));
  CHECK(refusal(ends + std::string(xml::max_list_bytes - ends.size() + 1, ' ')) == xml_errc::too_large);
}

TEST_CASE("markup is bounded, of whatever kind it is, and nothing else is taken for it") {
  struct kind {
    std::string_view text;
    std::size_t counts;
  };
  const kind what = GENERATE(as<kind>{}, kind{"<a/>", 1}, kind{"<a></a>", 1}, kind{"<a>x</a>", 1}, kind{"<a> </a>\n", 1},
                             kind{"<a/>x", 2}, kind{"<a>x<b/>y</a>z", 4}, kind{"<!---->", 1}, kind{"<!--<a/>=-->", 1},
                             kind{"<!---->x", 2}, kind{"<![CDATA[<a b='c'/>]]>", 1}, kind{"<?p <a/> b='c'?>", 1},
                             kind{"<a b='' c=\"\"/>", 3}, kind{"<a b='<c d=\"\">/>'/>", 2}, kind{"<a b = \"'>\"/>", 2},
                             kind{"<a>b='' c=\"\"</a>", 1});
  // A list has two elements and an attribute of its own.
  const std::size_t left = xml::detail::max_markup - 3;
  const std::string most = times(what.text, left / what.counts) + times("<r/>", left % what.counts);
  CAPTURE(what.text);
  read(list(most));
  CHECK(refusal(list(most + "<r/>")) == xml_errc::too_large);
}

TEST_CASE("objects and common prefixes are bounded") {
  const std::string several = "<CommonPrefixes><Prefix>a</Prefix><Prefix>b</Prefix></CommonPrefixes>";
  const auto page = read(list(times(object("k"), xml::max_list_entries - 2) + several));
  CHECK(page->contents().size() == 9998);
  CHECK(page->common_prefixes().size() == 2);
  CHECK(refusal(list(times(object("k"), xml::max_list_entries - 1) + several)) == xml_errc::too_large);
  CHECK(read(list(times(object("k"), xml::max_list_entries)))->contents().size() == 10'000);
  CHECK(refusal(list(times("<Contents/>", xml::max_list_entries))) == xml_errc::missing_key);
  CHECK(refusal(list(times("<Contents/>", xml::max_list_entries + 1))) == xml_errc::too_large);
  CHECK(refusal(list("<CommonPrefixes>" + times("<Prefix>a</Prefix>", xml::max_list_entries + 1) + "</CommonPrefixes>")) ==
        xml_errc::too_large);
}

TEST_CASE("the memory for a list is bounded, whatever it holds") {
  constexpr std::size_t mebibyte = 1 << 20;
  struct costs {
    std::error_code code;
    std::size_t most = 0;  // besides the body
    std::size_t kept = 0;
  };
  const auto measure = [](const std::string& bytes) {
    CHECK(bytes.size() <= xml::max_list_bytes);
    const std::size_t before = test::heap::now();
    auto body = std::make_unique<char[]>(bytes.size());
    std::memcpy(body.get(), bytes.data(), bytes.size());
    ref<xml::list_page> page;
    const std::size_t with_body = test::heap::now();
    test::heap::forget_peak();
    costs seen{.code = xml::parse_list_page(std::move(body), bytes.size(), page)};
    seen.most = test::heap::most() - with_body;
    seen.kept = page ? test::heap::now() - before : 0;
    return seen;
  };
  // What is refused takes nothing, whatever it is that there is too much of.
  for (const std::string& inside : {times("<Contents/>", 250'000), times("<Contents/>", 131'072), times("<CommonPrefixes/>", 240'000),
                                    times("<Contents a=''/>", 65'535), times("<a/>x", 65'535), times("<a/>x", 800'000)}) {
    CAPTURE(inside.substr(0, 20), inside.size());
    const costs seen = measure(list(inside));
    CHECK(seen.code == xml_errc::too_large);
    CHECK(seen.most == 0);
  }
  const costs attributes = measure("<ListBucketResult " + times("a=\"\" ", 800'000) + "></ListBucketResult>");
  CHECK(attributes.code == xml_errc::too_large);
  CHECK(attributes.most == 0);

  // Nor do unknown elements, as many as there may be.
  const std::size_t left = xml::detail::max_markup - 3;
  for (const std::string& inside : {times("<a/>", left), times("<a/>x", left / 2), times("<!---->", left)}) {
    CAPTURE(inside.substr(0, 20));
    const costs seen = measure(list(inside));
    CHECK_FALSE(seen.code);
    CHECK(seen.most >= sizeof(xml::list_page));  // or it is not measured
    CHECK(seen.most <= 1024);
    CHECK(seen.kept <= 1024);
  }
  // As many objects as there may be, which are alike or have nothing in common; and what a service says of their number is no more
  // than a hint.
  for (const std::string number : {"", "<KeyCount>10000</KeyCount>", "<KeyCount>18446744073709551615</KeyCount>"}) {
    CAPTURE(number);
    const costs alike = measure(list(number + times(object("k"), xml::max_list_entries)));
    CHECK_FALSE(alike.code);
    CHECK(alike.most <= 2 * mebibyte);
    CHECK(alike.kept >= xml::max_list_entries * sizeof(xml::listed));
    CHECK(alike.kept <= xml::max_list_entries * (sizeof(xml::listed) + 1) + 1024);
    std::string different = number;
    for (std::size_t i = 0; i < xml::max_list_entries; ++i)
      different += "<Contents><Key>k</Key><Size>1</Size><Owner><ID>" + std::to_string(i) + "</ID></Owner></Contents>";
    const costs unlike = measure(list(different));
    CHECK_FALSE(unlike.code);
    CHECK(unlike.most <= 3 * mebibyte);
    CHECK(unlike.kept <= 2 * mebibyte);
    CHECK_FALSE(measure(list(number + object("k"))).kept > 1024);
  }
  // Text is kept once, and only what is shown.
  const std::string key(1024, 'k');
  const costs long_ones = measure(list(times(object(key), 3000) + "<a>" + std::string(mebibyte / 2, 'x') + "</a>"));
  CHECK_FALSE(long_ones.code);
  CHECK(long_ones.kept <= 3000 * (key.size() + sizeof(xml::listed)) + 4096);
}

TEST_CASE("what is shown of an object stays when its page has gone") {
  ref<xml::listed_memory> memory;
  std::string_view key;
  {
    const auto page = read(aws_page);
    memory = page->contents()[0].memory();
    key = page->contents()[0].key;
    CHECK(page->contents()[1].memory() != memory);
  }
  CHECK(key == "2026/11 x/a b+c*\xC3\xA9&.txt");
  CHECK(memory->traits().storage_class == "GLACIER");
  CHECK(memory->traits().owner_id == "75aa57f09aa0c8ca");
  CHECK(memory->traits().checksum_algorithm == "CRC64NVME");
}

TEST_CASE("objects that are alike share what they have in common, and no others do") {
  const auto of = [](std::string_view more) {
    return "<Contents><Key>k</Key><Size>1</Size>" + std::string(more) + "</Contents>";
  };
  const std::string standard = of("<StorageClass>STANDARD</StorageClass>");
  const std::string owned = of("<StorageClass>STANDARD</StorageClass><Owner><ID>o</ID></Owner>");
  const auto page = read(list(standard + standard + owned + owned + of("") + standard));
  const auto contents = page->contents();
  REQUIRE(contents.size() == 6);
  CHECK(contents[0].memory() == contents[1].memory());
  CHECK(contents[2].memory() == contents[3].memory());
  CHECK(contents[1].memory() != contents[2].memory());
  CHECK(contents[1].owner_id().empty());
  CHECK(contents[3].owner_id() == "o");
  CHECK(contents[4].storage_class().empty());
  CHECK(contents[5].storage_class() == "STANDARD");
}

TEST_CASE("behind the root nothing may stand but white space, comments and instructions") {
  read(list("") + " <!-- c --> <?p i?>\n");
  for (const char* more : {"<!DOCTYPE x>", "<![CDATA[x]]>", "x<!-- c -->", "<?p", "<!--", "<", "</a>", "<a/>", "<?1 ?>", "&#0;<?p?>"}) {
    CAPTURE(more);
    CHECK(refusal(list("") + more) == xml_errc::malformed);
  }
}

TEST_CASE("an instruction is no element, whatever its name") {
  const auto page = read(list("<?Contents a?><Contents><?Key other?><Key>k</Key><Size>1</Size></Contents>"));
  REQUIRE(page->contents().size() == 1);
  CHECK(page->contents()[0].key == "k");
}

TEST_CASE("of several faults the worst is told: what is not XML, or no end of it, is no list") {
  CHECK(refusal(list("<Contents/>") + "<") == xml_errc::malformed);
  CHECK(refusal("<ListBucketResult><Contents/></ListBucketResult>") == xml_errc::missing_key);
  CHECK(refusal(list("<Contents/>" + times("<a>", 20) + times("</a>", 20))) == xml_errc::too_deep);
}

TEST_CASE("a page that was there stays when the next cannot be read") {
  auto page = read(list(object("first")));
  const std::string bad = list("<Contents/>");
  auto body = std::make_unique<char[]>(bad.size());
  std::memcpy(body.get(), bad.data(), bad.size());
  CHECK(xml::parse_list_page(std::move(body), bad.size(), page) == xml_errc::missing_key);
  CHECK(page->contents()[0].key == "first");
}
