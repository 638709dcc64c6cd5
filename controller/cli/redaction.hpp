// Redaction: takes people and secrets out of what a support bundle shows. Users and mail addresses
// become pseudonyms, which are the same in the whole bundle; values, JWTs and hashes of tokens go.
// support_bundle.cpp makes one for each bundle; main thread. It cannot know what a label or the
// name of an object says about people.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

namespace apitoken::cli {

class Redaction {
 public:
  // Takes note of a user's name, so that text() replaces it wherever it stands as a whole word.
  // Returns its pseudonym, "user-1". An empty name stays.
  std::string user(std::string_view name);
  // Returns the text without people and secrets.
  std::string text(std::string_view original);
  // Does that to each string of the document; keys stay.
  void apply(nlohmann::json& document);

 private:
  std::string pseudonym(std::string_view name, std::string_view kind);
  // The replacement of what begins at `at`, and its length there; length 0: nothing to replace.
  struct Found {
    std::string replacement;
    std::size_t length = 0;
  };
  Found known_user(std::string_view text, std::size_t at) const;
  Found secret(std::string_view text, std::size_t at) const;
  Found address(std::string_view text, std::size_t at);

  std::map<std::string, std::string, std::less<>> pseudonyms_;
  std::map<std::string, std::string, std::less<>> users_;  // as texts may name them
  std::set<std::size_t, std::greater<>> lengths_;          // of users_
  std::map<std::string, std::size_t, std::less<>> counts_;
};

// Removes managedFields, and the values of all annotations but those of apitoken.dev: other
// programs may keep secrets there.
void trim_metadata(nlohmann::json& object);
// An ApiToken without value, hashes, hint, description and the recipient's key.
void redact_token(nlohmann::json& token, Redaction& redaction);
// `pod` is a Pod or a pod template. Removes the values of environment variables, the arguments of
// containers that are not ours, and the addresses of pods and nodes.
void redact_pod(nlohmann::json& pod);

}  // namespace apitoken::cli
