// The page itself is tested in a browser, tests/browser; here is what can be seen without one.
#include "monitor/trace/trace_report.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "monitor/trace/packed_columns.hpp"
#include "sample_trace.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

std::string report_of(const test::TemporaryFolder& folder, const TraceFile& trace) {
    OutputFile out(folder.path("report.html"));
    write_report(trace, out);
    out.finish();
    return test::content_of(folder.path("report.html"));
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
    const std::size_t begin = text.find(from) + from.size();
    return text.substr(begin, text.find(to, begin) - begin);
}

}  // namespace

TEST_CASE("Base64 is that of RFC 4648") {
    CHECK(base64("").empty());
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(base64(std::string("\xFF\x00\xFE", 3)) == "/wD+");
}

TEST_CASE("A report is one file, asks nothing of the network, and names in it cannot become markup") {
    const test::TemporaryFolder folder;
    RunConfig config = test::trace_config(folder.path("trace"));
    config.kernel = "a/</title><script>alert(1)</script>";
    {
        TraceWriter writer(config);
        writer.name_with(SymbolTable({{0x1000, 16, "</script><b>"}}));
        writer.put(test::trap_record(TrapCause::patched, InsnId::popf, 0x1000));
    }
    const std::string page = report_of(folder, read_trace(config.trace_file));
    CHECK_THAT(page, !Contains("{{") && !Contains("http:") && !Contains("https:") && !Contains("src="));
    CHECK_THAT(page, !Contains("<script>alert") && !Contains("</script><b>"));
    const auto meta = nlohmann::json::parse(between(page, "id=\"meta\">", "</script>"));
    CHECK(meta["count"] == 1);
    CHECK(meta["instructions"]["popf"]["sdm"] == "2B 4-POPF");
    CHECK(meta["fields"].size() == kStateFields.size());
    std::size_t columns = 0;
    for (const auto& column : meta["columns"]) columns += column[0] == "cost" && column[2] == 1;
    CHECK(columns == 1);
}
