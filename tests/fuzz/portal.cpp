// What a browser sends to the portal, and what it is sent back: forms, queries and names of
// requests; rows, writers and refusals out of an API server's answers. The first byte says how the
// rest is read.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "portal/forms.hpp"
#include "portal/names.hpp"
#include "portal/rows.hpp"
#include "portal/writers.hpp"
#include "serve/request_head.hpp"

namespace apitoken::fuzz {
namespace {

using nlohmann::json;

constexpr WallTime kNow{Seconds(1'800'000'000)};

bool is_json(const std::string& text) { return !json::parse(text, nullptr, false).is_discarded(); }

void token_form(const json& form) {
  const auto read = portal::read_token_form(form, "team-a", kNow);
  if (!read) {
    require(!read.error().causes.empty(), "a refusal names its field");
    return;
  }
  require(read->draft.ns == "team-a", "the path says the namespace, not the form");
  if (!portal::check_token_form(*read, kNow)) return;
  require(portal::is_object_name(read->draft.name), "a name that passed can stand in a path");
  require(!read->draft.user.empty(), "a token speaks for somebody");
  require(portal::as_stored(read->draft).has_value(), "what passed can be decoded");
  const auto manifest = portal::dump(core::make_manifest(read->draft));
  require(is_json(manifest), "what is sent is JSON");
  (void)portal::create_command(read->draft);
}

void other_forms(const json& form) {
  if (const auto patch = portal::read_token_patch(form, form))
    require(!patch->at("spec").empty(), "a patch changes something");
  if (const auto patch = portal::read_rotate_form(form, "2026-11-29T00:00:00Z"))
    require(patch->contains("metadata"), "a rotation is asked for by annotation");
  for (const char* const name : {"uid", "resourceVersion", "namespace"})
    (void)portal::text_member(form, name);
}

void query(std::string_view text) {
  const auto pairs = serve::decode_form(text);
  for (const auto& value : portal::parameters(pairs, "ns")) {
    if (portal::check_namespace(value))
      require(value.find_first_of("/?#%. ") == std::string::npos, "a namespace is one label");
  }
  const auto name = portal::parameter(pairs, "name");
  if (portal::is_object_name(name))
    require(name.find_first_of("/?#% ") == std::string_view::npos && name != "..",
            "a name stays in its place");
  (void)portal::is_user(portal::parameter(pairs, "user"));
  (void)portal::is_token_hash(portal::parameter(pairs, "hash"));
  for (const auto& part : portal::split_path(text))
    require(part.find('/') == std::string::npos, "a part of a path has no slash");
}

void answer(std::string_view text) {
  require(is_json(portal::to_answer(portal::problem_of(422, text)).body), "a refusal is JSON");
  api::JsonParser parser;
  const auto object = parser.parse(text);
  if (!object) return;
  portal::RowsLine line;
  line.add(*object);
  require(is_json(line.take()), "a row is JSON");
  require(is_json(portal::gone_line(*object)), "what is gone is JSON");
  (void)portal::token_hash_of(*object);
  auto tree = json::parse(text, nullptr, false);
  if (tree.is_discarded()) return;
  require(is_json(portal::dump(portal::take_writers(tree))), "writers are JSON");
  const auto meta = tree.is_object() ? tree.value("metadata", json()) : json();
  require(!meta.is_object() || !meta.contains("managedFields"), "managed fields are left out");
}

}  // namespace

void fuzz(std::string_view input) {
  if (input.empty()) return;
  const char how = input.front();
  input.remove_prefix(1);
  if (how == 'q') return query(input);
  if (how == 'a') return answer(input);
  const auto form = json::parse(input, nullptr, false);
  if (!form.is_object()) return;
  token_form(form);
  other_forms(form);
}

}  // namespace apitoken::fuzz
