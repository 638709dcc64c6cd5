// ClusterModel: one ApiToken and its Secret as plain values. carry_out() changes them as
// reconcile/execute would; tests change them as users would, and set the time. Checks preconditions
// of each effect by EXPECT.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <span>

#include "api/names.hpp"
#include "core/plan_secret.hpp"
#include "core/plan_token.hpp"
#include "core/rotation.hpp"
#include "core/token_status.hpp"

namespace apitoken::core {

class ClusterModel {
 public:
  struct Secret {
    api::SecretMeta meta;
    std::string value_hash;     // empty: the key is gone
    std::string previous_hash;  // of key previous-token; empty: there is none
    bool written_by_us = false;
  };
  using NoticeName = std::tuple<WallTime, std::string, Seconds>;  // expiresAt, config, reminder

  ClusterModel() {
    token.meta.ns = "team-a";
    token.meta.name = "ci";
    token.meta.uid = "uid-1";
    token.meta.resource_version = "1";
    token.meta.generation = 1;
    token.spec.user = "alice@example.com";
  }

  WallTime now{std::chrono::seconds(1774355400)};
  api::ApiToken token;
  bool gone = false;
  std::optional<Secret> secret;
  std::map<std::string, ExpiryConfig> configs;
  std::vector<api::NoticeEntry> delivered;           // not in the ledger yet
  std::map<NoticeName, int> deliveries;              // deliveries of each
  std::vector<std::pair<WallTime, NoticeName>> log;  // when
  int mintings = 0;

  Plan plan() const {
    Observed observed{now, token, {}, {}, delivered};
    if (secret) {
      observed.secret = ObservedSecret{secret->meta, {}};
      if (!secret->written_by_us) observed.secret->value_hash = secret->value_hash;
    }
    for (const auto& [name, config] : configs) observed.configs.push_back(&config);
    return plan_token(observed);
  }

  // The Secret holds a valid value: nothing may be minted.
  bool is_whole() const {
    return secret && is_ours() && !secret->meta.meta.deleted && !token.status.token_hash.empty() &&
           secret->value_hash == token.status.token_hash && token.status.expires_at &&
           now < *token.status.expires_at;
  }
  // The value is valid, and deleteAfter has passed.
  bool was_shown_once() const {
    const auto at = shown_until(token.spec, token.status);
    return at && (token.status.delivered_at || now >= *at) && verifies(token.status.token_hash);
  }
  // A rotation is unfinished: the Secret holds the previous value, which is valid.
  bool is_rotating() const {
    return secret && is_ours() && token.status.previous &&
           secret->value_hash == token.status.previous->token_hash && verifies(secret->value_hash);
  }
  // The Verifier accepts a value with this hash.
  bool verifies(const std::string& hash) const {
    const auto& status = token.status;
    if (hash.empty()) return false;
    if (hash == status.token_hash) return status.expires_at && now < *status.expires_at;
    return status.previous && hash == status.previous->token_hash &&
           now < status.previous->valid_until;
  }
  bool is_ours() const {
    return is_owned_by(secret->meta, token.meta.uid) || is_restored(secret->meta);
  }

  void carry_out(const Plan& plan) { carry_out(plan, plan.effects.size()); }
  // Carries out the first `effects` effects, as a process that crashes then.
  void carry_out(const Plan& plan, std::size_t effects) {
    minted_hash_.clear();
    in_this_pass_.clear();
    previous_.reset();
    rotates_ = false;
    for (const Effect& effect : std::span(plan.effects).first(effects)) {
      if (gone) return;
      std::visit([this](const auto& one) { run(one); }, effect);
    }
  }

  // Plans and carries out until a plan is empty. Returns the number of passes. The plan before must
  // ask for each further pass, because own writes start none.
  int settle(int at_most = 10) {
    bool follows = true;
    for (int passes = 0; passes < at_most; ++passes) {
      if (gone) return passes;
      const Plan next = plan();
      if (next.effects.empty()) return passes;
      EXPECT_TRUE(follows) << "no pass follows for:\n" << to_text(next);
      carry_out(next);
      follows = brings_a_pass(next);
    }
    ADD_FAILURE() << "does not settle:\n" << to_text(plan());
    return at_most;
  }

  void edit_secret() {
    secret->written_by_us = false;
    secret->meta.meta.resource_version = next_version();
  }
  std::string next_version() { return std::to_string(++version_); }

 private:
  // Another pass follows the plan: the plan asks for it, a notice is delivered, or the watch
  // reports the deletion of the Secret, which the store does not know before.
  bool brings_a_pass(const Plan& done) const {
    return done.retry || (done.wake_at && *done.wake_at <= now) ||
           std::ranges::any_of(done.effects, [](const Effect& effect) {
             const auto* notice = std::get_if<SubmitNotice>(&effect);
             return (notice && !notice->before_status) ||
                    std::holds_alternative<DeleteSecret>(effect);
           });
  }

  void run(const KeepPrevious& keep) {
    EXPECT_EQ(keep.at.resource_version, secret->meta.meta.resource_version);
    previous_ = keep.hash;
  }
  void run(const MintToken& mint) {
    rotates_ = mint.rotates;
    if (!rotates_) {
      EXPECT_FALSE(is_whole()) << "minted although the value is valid";
    }
    minted_hash_ = "sha256:" + std::to_string(++mintings);
  }
  void run(const ReadEncryptedValue&) {
    rotates_ = true;
    minted_hash_ = token.status.token_hash;
  }
  void run(const WriteSecret& write) {
    EXPECT_EQ(write.at.has_value(), secret.has_value());
    const std::string previous = secret ? secret->value_hash : "";
    if (secret) {
      EXPECT_EQ(write.at->uid, secret->meta.meta.uid);
      EXPECT_EQ(write.at->resource_version, secret->meta.meta.resource_version);
      EXPECT_TRUE(is_ours()) << "wrote into a foreign Secret";
    } else {
      secret = Secret{{write.secret, {}, {}, {}, {}}, "", "", true};
      secret->meta.meta.uid = "secret-" + next_version();
    }
    auto& meta = secret->meta.meta;
    if (!write.secret.owners.empty()) meta.owners = write.secret.owners;
    for (const auto& [name, value] : write.secret.labels) meta.labels[name] = value;
    for (const auto& [name, value] : write.secret.annotations) meta.annotations[name] = value;
    meta.annotations[std::string(api::kTokenHashAnnotation)] = minted_hash_;
    meta.annotations[std::string(api::kTokenIdAnnotation)] = "id" + minted_hash_.substr(7);
    add_ours(token.spec.secret->labels, secret->meta.label_keys_ours);
    add_ours(token.spec.secret->annotations, secret->meta.annotation_keys_ours);
    meta.resource_version = next_version();
    for (const std::string& key : write.keys_gone) remove_key(key);
    if (previous_ && *previous_ == previous) {
      secret->previous_hash = previous;
      add_ours({{std::string(api::kPreviousKey), ""}}, secret->meta.data_keys_ours);
    } else if (previous_ && *previous_ != secret->previous_hash) {
      remove_key(std::string(api::kPreviousKey));
    }
    add_ours({{write.key, ""}}, secret->meta.data_keys_ours);
    secret->value_hash = minted_hash_;
    secret->written_by_us = true;
  }
  void run(const PatchSecretMetadata& patch) {
    EXPECT_EQ(patch.at.resource_version, secret->meta.meta.resource_version);
    for (const std::string& key : patch.keys_gone) remove_key(key);
    if (!patch.owners.empty()) secret->meta.meta.owners = patch.owners;
    apply(patch.labels, secret->meta.meta.labels, secret->meta.label_keys_ours);
    apply(patch.annotations, secret->meta.meta.annotations, secret->meta.annotation_keys_ours);
    secret->meta.meta.resource_version = next_version();
    secret->written_by_us = true;  // the executor trusts the version that it wrote
  }
  void run(const PatchStatus& patch) {
    const auto expires_before = token.status.expires_at;
    token.status = patch.status;
    if (!minted_hash_.empty()) {
      token.status.token_hash = minted_hash_;
      token.status.token_id = "id" + minted_hash_.substr(7);
      token.status.hint = "…abcd";
    }
    if (expires_before && !rotates_) {
      EXPECT_EQ(token.status.expires_at, expires_before) << "the expiry changed without a rotation";
    }
    for (api::NoticeEntry& entry : std::exchange(in_this_pass_, {}))
      token.status.notices.push_back(std::move(entry));
    token.meta.resource_version = next_version();
  }
  void run(const DeleteSecret& remove) {
    EXPECT_EQ(remove.at.uid, secret->meta.meta.uid);
    EXPECT_TRUE(is_ours());
    secret.reset();
  }
  void run(const DeleteToken&) {
    gone = true;
    secret.reset();
  }
  void run(const PostEvent&) {}
  void run(const SubmitNotice& submit) {
    const auto& key = submit.notice.key;
    const bool waiting = std::ranges::any_of(delivered, [&](const api::NoticeEntry& entry) {
      return entry.config == key.config && entry.before == key.before;
    });
    if (waiting) return;
    if (submit.before_status) {
      in_this_pass_.push_back({key.config, key.before, now, {}});
    } else {
      delivered.push_back({key.config, key.before, now, now});
    }
    const NoticeName name{key.expires_at, key.config, key.before};
    ++deliveries[name];
    log.emplace_back(now, name);
  }
  void run(const CancelNotices&) { delivered.clear(); }

  void remove_key(const std::string& key) {
    std::erase(secret->meta.data_keys_ours, key);
    if (key == api::kPreviousKey) secret->previous_hash.clear();
  }
  static void add_ours(const api::StringMap& names, std::vector<std::string>& ours) {
    for (const auto& [name, value] : names) {
      if (std::ranges::find(ours, name) == ours.end()) ours.push_back(name);
    }
  }
  static void apply(const api::StringChanges& changes, api::StringMap& present,
                    std::vector<std::string>& ours) {
    for (const auto& [name, value] : changes) {
      if (value) {
        present[name] = *value;
        add_ours({{name, *value}}, ours);
      } else {
        present.erase(name);
        std::erase(ours, name);
      }
    }
    std::erase_if(ours, [](const std::string& name) {
      return name == api::kManagedByLabel || name.starts_with(api::kAnnotationPrefix);
    });
  }

  std::string minted_hash_;
  std::vector<api::NoticeEntry> in_this_pass_;  // delivered, for the status that follows
  std::optional<std::string> previous_;         // the hash of the value that KeepPrevious keeps
  bool rotates_ = false;
  int version_ = 1;
};

}  // namespace apitoken::core
