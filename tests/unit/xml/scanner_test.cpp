#include "s3pager/xml/detail/scanner.hpp"

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/xml/list_result.hpp"
#include "support/catch.hpp"
#include "support/pugixml_list.hpp"

using namespace s3pager;
using xml::xml_errc;
using xml::detail::scanner;

namespace {

/// Exactly as large as the text, so that a sanitizer sees each byte too many.
struct body {
  explicit body(std::string_view text) : bytes(std::make_unique<char[]>(text.size())), size(text.size()) {
    if (!text.empty()) std::memcpy(bytes.get(), text.data(), text.size());
  }
  [[nodiscard]] std::span<char> span() const { return {bytes.get(), size}; }

  std::unique_ptr<char[]> bytes;
  std::size_t size;
};

/// The elements within the one that was entered: `name(...)`.
void outline(scanner& in, std::string& out) {
  while (in.next_child()) {
    out += std::string(in.local_name()) + "(";
    outline(in, out);
    out += ")";
  }
}

struct outcome {
  std::error_code failed;
  std::string text;
};

outcome outline_of(std::string_view text) {
  const body of(text);
  scanner in(of.span());
  outcome made;
  if (in.enter_root()) {
    made.text = std::string(in.local_name()) + "(";
    outline(in, made.text);
    made.text += ")";
  }
  static_cast<void>(in.finish());
  made.failed = in.error();
  return made;
}

/// The root's text; `markup` instead where it isn't only that.
outcome text_of(std::string_view inside) {
  const body of("<r>" + std::string(inside) + "</r>");
  scanner in(of.span());
  REQUIRE(in.enter_root());
  outcome made;
  std::string_view text;
  made.text = in.read_text(text) ? std::string(text) : "markup";
  static_cast<void>(in.finish());
  made.failed = in.error();
  return made;
}

std::string text(std::string_view inside) {
  const outcome made = text_of(inside);
  CHECK_FALSE(made.failed);
  return made.text;
}

xml_errc fault(std::string_view text) { return static_cast<xml_errc>(outline_of(text).failed.value()); }

xml_errc fault_of_text(std::string_view inside) { return static_cast<xml_errc>(text_of(inside).failed.value()); }

std::string times(std::string_view text, std::size_t count) {
  std::string made;
  for (std::size_t i = 0; i < count; ++i) made += text;
  return made;
}

constexpr std::string_view everything =
    "\xEF\xBB\xBF<?xml version=\"1.0\"?>\r\n<!-- <x> --><s:ListBucketResult xmlns:s='urn:x' a = \"'>&lt;\"><s:IsTruncated >false"
    "</s:IsTruncated ><EncodingType>url</EncodingType><Contents><Key> <![CDATA[a%2Bb]]>\t</Key><Size>12</Size><ETag>&quot;e&#x41;"
    "&amp;&quot;</ETag><Owner><!----><ID>o</ID></Owner>text<unknown><deep b=''/>&apos;</unknown><ChecksumAlgorithm/></Contents>"
    "<CommonPrefixes><Prefix>p+q/</Prefix><?i n?></CommonPrefixes></s:ListBucketResult>\n<!-- end -->\n";

xml_errc read_list(std::string_view text, ref<xml::list_page>& page) {
  body of(text);
  return static_cast<xml_errc>(xml::parse_list_page(std::move(of.bytes), of.size, page).value());
}

}  // namespace

TEST_CASE("elements come in their order, by their local names, whatever lies between them", "[xml][scanner]") {
  CHECK(outline_of("<a/>").text == "a()");
  CHECK(outline_of("<a></a>").text == "a()");
  CHECK(outline_of("<a><b/><c><d/></c>x<b>y</b></a>").text == "a(b()c(d())b())");
  CHECK(outline_of("<p:a xmlns:p='u'><p:q:b/><_c/><d-1.2/><:/><\xC3\xA9/></p:a>").text == "a(b()_c()d-1.2()()\xC3\xA9())");
  CHECK(outline_of("<a> <!-- <b> --> <![CDATA[<c>]]> <?d <e>?> <?xml f?> </a>").text == "a()");
  CHECK(outline_of("\xEF\xBB\xBF <?xml version='1.0'?> <!-- --> <?p?> <a/> <!-- --> <?p?> ").text == "a()");
  CHECK_FALSE(outline_of(everything).failed);
}

TEST_CASE("attributes are passed over", "[xml][scanner]") {
  for (const char* tag : {"<b c='d'/>", "<b c=\"d\" />", "<b\n c\t=\r'd'\n/>", "<b c='/>' d=\"'<!--\"/>", "<b c='&quot;&#65;&x'/>",
                          "<b c='' d:e=''/>", "<b ></b>"}) {
    CAPTURE(tag);
    const outcome made = outline_of("<a>" + std::string(tag) + "</a>");
    CHECK(made.text == "a(b())");
    CHECK_FALSE(made.failed);
  }
  for (const char* tag : {"<b c/>", "<b c=/>", "<b c=d/>", "<b c='d/>", "<b c='d\"/>", "<b c='d'e=''/>", "<b c='d''/>", "<b 'd'/>", "<b 1=''/>",
                          "<b =''/>", "<b c = = ''/>", "<b c='&#0;'/>", "<b c=''/ >", "<b / c=''>", "<b c=''<d/>"}) {
    CAPTURE(tag);
    CHECK(fault("<a>" + std::string(tag) + "</a>") == xml_errc::malformed);
  }
}

TEST_CASE("tags that are not well-formed end it", "[xml][scanner]") {
  for (const char* text :
       {"", " ", "a", "<", ">", "<>", "< a/>", "<1/>", "<-/>", "</a>", "<a", "<a>", "<a/", "<a//>", "<a/ >", "<a?>", "<a></b>", "<a></ab>", "<ab></a>",
        "<a></A>", "<p:a></a>", "<a></p:a>", "<a></ a>", "<a></a b>", "<a></a/>", "<a></>", "<a><b></a></b>", "<a><b></a>", "<a></b></a>",
        "<a/><b/>", "<a/><a", "<a/>x", "<a/></a>", "<a></a", "<a></a<", "<a><</a>", "<a><></a>", "<a></a>\xEF\xBB\xBF", "x<a/>"}) {
    CAPTURE(text);
    CHECK(fault(text) == xml_errc::malformed);
  }
  CHECK_FALSE(outline_of("<a></a \r\n\t>").failed);
}

TEST_CASE("comments, sections and instructions end where they say", "[xml][scanner]") {
  for (const char* good : {"<!---->", "<!-- - -- -> -->", "<!--->-->", "<![CDATA[]]>", "<![CDATA[]]]]>", "<![CDATA[ ]> ]]>", "<?p?>", "<?p ?>",
                           "<?p ? > ?>", "<?p:q-1.r x?>", "<?xml?>", "<?XmL!?>"}) {
    CAPTURE(good);
    CHECK_FALSE(outline_of("<a>" + std::string(good) + "</a>").failed);
  }
  for (const char* bad : {"<!>", "<!->", "<!-->", "<!-- --", "<!-- -- >", "<!- - -->", "<![CDATA]]>", "<![cdata[]]>", "<![CDATA[]]", "<![CDATA[] ]>",
                          "<!a>", "<!DOCTYPE a>", "<?>", "<? p?>", "<?1?>", "<?p>", "<?p ?", "<?p!?>", "<?p?q?>", "<?xml>", "<!--&#0;-->",
                          "<![CDATA[&#x110000;]]>", "<?p &#;?>", "<!--&#65-->"}) {
    CAPTURE(bad);
    CHECK(fault("<a>" + std::string(bad) + "</a>") == xml_errc::malformed);
  }
}

TEST_CASE("references in a text stand for what they say, where they stand", "[xml][scanner]") {
  CHECK(text("&lt;&gt;&amp;&quot;&apos;") == "<>&\"'");
  CHECK(text("a&lt;b&gt;c") == "a<b>c");
  CHECK(text("&amp;amp;&amp;#65;") == "&amp;&#65;");
  CHECK(text("&#65;&#x41;&#x4a;&#x4A;&#0065;") == "AAJJA");
  CHECK(text("&#x7F;&#x80;&#x7FF;&#x800;&#xFFFF;&#x10000;&#x10FFFF;") ==
        "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  // What nobody has declared, or isn't ended, stays.
  for (const char* plain : {"&", "&&", "&;", "&l", "&lt", "&lt ;", "&LT;", "&nbsp;", "&qu&ot;", "&apo;", "&a", "&am&", "& #65;", "a>b", "]]>"}) {
    CAPTURE(plain);
    CHECK(text(plain) == plain);
  }
  CHECK(text("&am&amp;&&lt;&") == "&am&&<&");
  for (const char* none : {"&#", "&#;", "&#x;", "&#0;", "&#x0;", "&#00;", "&#65", "&#65 ;", "&#-1;", "&#+1;", "&#xG;", "&#X41;", "&#1114112;",
                           "&#x110000;", "&#4294967361;", "&#x100000041;", "&#a;", "&amp;&#;"}) {
    CAPTURE(none);
    CHECK(fault_of_text(none) == xml_errc::malformed);
    CHECK(fault("<a>x<b/>" + std::string(none) + "</a>") == xml_errc::malformed);
  }
}

TEST_CASE("a text is all that an element holds, or one section", "[xml][scanner]") {
  CHECK(text("").empty());
  CHECK(text(" \t\r\n") == " \t\r\n");
  CHECK(text(" a ") == " a ");
  CHECK(text("<![CDATA[]]>").empty());
  CHECK(text("<![CDATA[ &amp;<b> ]]>") == " &amp;<b> ");
  CHECK(text(" <![CDATA[a]]>\n") == "a");
  CHECK(text("a<?xml?>") == "a");
  CHECK(text("<?xml?>&lt;") == "<");
  CHECK(text("<![CDATA[a]]><?xml?>") == "a");
  for (const char* mixed : {"<b/>", "a<b/>", "<b/>a", "<b>a</b>", "<!---->", "a<!---->", "<!---->a", "<?p?>", "a<?p?>b", "a<![CDATA[b]]>",
                            "<![CDATA[a]]>b", "<![CDATA[a]]><![CDATA[b]]>", "<![CDATA[a]]><b/>", "<b/><![CDATA[a]]>", "<!----><![CDATA[a]]>",
                            "a<?xml?>b", "a<?xml?> "}) {
    CAPTURE(mixed);
    CHECK(text(mixed) == "markup");
  }
  // And it goes on behind it.
  const body of("<r><a>x<b><c/></b></a><d/></r>");
  scanner in(of.span());
  std::string_view seen;
  REQUIRE(in.enter_root());
  REQUIRE(in.next_child());
  CHECK_FALSE(in.read_text(seen));
  REQUIRE(in.next_child());
  CHECK(in.local_name() == "d");
  CHECK(in.read_text(seen));
  CHECK_FALSE(in.next_child());
  CHECK(in.finish());
}

TEST_CASE("an element is skipped whole", "[xml][scanner]") {
  const body of("<r><a>x<b><c/>&amp;</b><![CDATA[</a>]]></a><d/><e/></r>");
  scanner in(of.span());
  REQUIRE(in.enter_root());
  for (const char* name : {"a", "d", "e"}) {
    REQUIRE(in.next_child());
    CHECK(in.local_name() == name);
    in.skip();
  }
  CHECK_FALSE(in.next_child());
  CHECK(in.finish());
}

TEST_CASE("depth is bounded, that of other nodes too", "[xml][scanner]") {
  const auto nested = [](std::size_t levels, std::string_view inside) {
    return times("<a>", levels) + std::string(inside) + times("</a>", levels);
  };
  for (const char* inside : {"", "x", " ", "<?xml?>", "<?xml?>x"}) CHECK_FALSE(outline_of(nested(xml::detail::max_depth, inside)).failed);
  for (const char* inside : {"<a/>", "<a></a>", "<!---->", "<![CDATA[x]]>", "<?p?>", "x<?xml?>y"}) {
    CAPTURE(inside);
    CHECK_FALSE(outline_of(nested(xml::detail::max_depth - 1, inside)).failed);
    CHECK(fault(nested(xml::detail::max_depth, inside)) == xml_errc::too_deep);
  }
}

TEST_CASE("what is cut off anywhere is malformed", "[xml][scanner]") {
  REQUIRE_FALSE(outline_of(everything).failed);
  const std::size_t whole = everything.find("</s:ListBucketResult>") + std::string_view("</s:ListBucketResult>").size();
  for (std::size_t length = 0; length < whole; ++length) {
    CAPTURE(length);
    CHECK(fault(everything.substr(0, length)) == xml_errc::malformed);
  }
}

TEST_CASE("a list with any byte changed, left out or doubled is what pugixml makes of it", "[xml][scanner]") {
  ref<xml::list_page> page;
  REQUIRE(read_list(everything, page) == xml_errc{});
  CHECK(page->contents()[0].key == "a+b");
  std::size_t taken = 0;
  std::size_t refused = 0;
  const auto hold = [&](std::string_view changed) {
    const test::pugixml_list expected(changed);
    ref<xml::list_page> made;
    const xml_errc code = read_list(changed, made);
    const bool agrees = code == xml_errc{} ? same(*made, expected) : static_cast<bool>(expected.failed);
    if (!agrees) FAIL_CHECK("not what pugixml makes of " << changed);
    ++(code == xml_errc{} ? taken : refused);
  };
  for (std::size_t at = 0; at < everything.size(); ++at) {
    const std::string before(everything.substr(0, at));
    const std::string after(everything.substr(at + 1));
    hold(before + after);
    hold(before + everything[at] + everything[at] + after);
    for (const char c : std::string_view("<>/&;#'\"=!?[]-: x%+1\n\0\x01\xFF", 24)) {
      hold(before + c + after);
      hold(before + c + everything[at] + after);
    }
  }
  CHECK(taken > 1000);
  CHECK(refused > 1000);
}
