// Counts the nodes of a YAML text before it is loaded.
#include "kube/yaml_document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <istream>
#include <map>
#include <streambuf>
#include <string>

namespace apitoken::kube {
namespace {

// So many indicators and quotes may follow each other without an event, because yaml-cpp keeps
// every token of a flow collection (300 bytes each) until its end. The largest JSON text within
// kMaxYamlNodes has about three for each node.
constexpr std::size_t kMaxIndicators = 3 * kMaxYamlNodes;
constexpr std::string_view kIndicators = "[]{},:?&*!\"'";

// Thrown if the text is YAML but exceeds a limit.
struct BeyondLimits {
  std::size_t line;
  std::string why;
};

// Feeds the text to the parser in pieces, and counts lines and indicators.
class CountedText final : public std::streambuf {
 public:
  explicit CountedText(std::string_view text) : rest_(text) {}

  void event_came() { indicators_ = 0; }

 private:
  static constexpr std::size_t kPiece = 2048;

  int_type underflow() override {
    if (rest_.empty()) return traits_type::eof();
    const std::string_view piece = rest_.substr(0, kPiece);
    rest_.remove_prefix(piece.size());
    for (const char c : piece) {
      if (c == '\n') ++line_;
      if (kIndicators.find(c) != kIndicators.npos) ++indicators_;
    }
    if (indicators_ > kMaxIndicators)
      throw BeyondLimits{line_, "a list or map in brackets is too large; split it"};
    char* const begin = const_cast<char*>(piece.data());  // not written to: no pbackfail()
    setg(begin, begin, begin + piece.size());
    return traits_type::to_int_type(*begin);
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  std::size_t indicators_ = 0;
};

// Size of a node with everything below it, aliases resolved.
struct Extent {
  std::size_t nodes = 1;
  std::size_t bytes = 0;
  std::size_t depth = 0;  // levels below it
};

class Limits final : public YAML::EventHandler {
 public:
  explicit Limits(CountedText& text) : text_(text) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    // Before some characters yaml-cpp begins empty documents without end.
    if (mark.pos == begin_) throw YAML::ParserException(mark, "no document can begin with this");
    begin_ = mark.pos;
    open_.clear();
    anchored_.clear();
    add(mark, {});
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, {}); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    leaf(mark, anchor, {.bytes = value.size()});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end())
      throw YAML::ParserException(mark, "an alias stands within what it is an alias of");
    add(mark, found->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YAML::anchor_t anchor;
    Extent extent;
  };

  static void refuse(const YAML::Mark& mark, std::string why) {
    throw BeyondLimits{static_cast<std::size_t>(mark.line) + 1, std::move(why)};
  }

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, const Extent& extent) {
    add(mark, extent);
    if (anchor != YAML::NullAnchor) anchored_[anchor] = extent;
  }

  // Counts a node of this extent.
  void add(const YAML::Mark& mark, const Extent& extent) {
    text_.event_came();
    nodes_ += extent.nodes;
    bytes_ += extent.bytes;
    if (open_.size() + extent.depth > kMaxYamlDepth)
      refuse(mark, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
    if (nodes_ > kMaxYamlNodes)
      refuse(mark,
             fmt::format("more nodes than a manifest can have, {}; remove aliases or split it",
                         kMaxYamlNodes));
    if (bytes_ > kMaxYamlBytes)
      refuse(mark, fmt::format("stands for more than {} bytes; remove aliases", kMaxYamlBytes));
    if (!open_.empty()) enclose(open_.back().extent, extent);
  }

  static void enclose(Extent& outer, const Extent& inner) {
    outer.nodes += inner.nodes;
    outer.bytes += inner.bytes;
    outer.depth = std::max(outer.depth, inner.depth + 1);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    add(mark, {.nodes = 0});
    ++nodes_;
    open_.push_back({anchor, {}});
  }

  void close() {
    const Open closed = open_.back();
    open_.pop_back();
    if (closed.anchor != YAML::NullAnchor) anchored_[closed.anchor] = closed.extent;
    if (!open_.empty()) enclose(open_.back().extent, closed.extent);
  }

  CountedText& text_;
  int begin_ = -1;                             // position of the present document
  std::vector<Open> open_;                     // outermost first
  std::map<YAML::anchor_t, Extent> anchored_;  // of the present document
  std::size_t nodes_ = 0;                      // of all documents
  std::size_t bytes_ = 0;
};

void check(std::string_view text) {
  CountedText counted(text);
  std::istream stream(&counted);
  Limits limits(counted);
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(limits)) {
  }
}

}  // namespace

std::unexpected<Error> no_yaml(std::string_view where, const YAML::Exception& error) {
  return fail(ErrorKind::Invalid,
              fmt::format("{}: no YAML, line {}: {}", where, error.mark.line + 1, error.msg));
}

Result<std::vector<YAML::Node>> load_yaml(std::string_view text, std::string_view where) try {
  if (text.size() > kMaxYamlBytes)
    return fail(ErrorKind::Invalid,
                fmt::format("{}: larger than {} bytes: no manifest", where, kMaxYamlBytes));
  check(text);
  return YAML::LoadAll(std::string(text));
} catch (const BeyondLimits& limit) {
  return fail(ErrorKind::Invalid, fmt::format("{}: line {}: {}", where, limit.line, limit.why));
} catch (const YAML::Exception& error) {
  return no_yaml(where, error);
}

}  // namespace apitoken::kube
