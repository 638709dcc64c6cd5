// Prints a plan.
#include "core/plan.hpp"

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::core {
namespace {

std::string show_time(const std::optional<WallTime>& time) {
  return time ? format_rfc3339(*time) : "-";
}

std::string show_changes(const api::StringChanges& changes) {
  std::string text;
  for (const auto& [name, value] : changes)
    text += fmt::format(" {}={}", name, value ? *value : "<removed>");
  return text;
}

std::string show_conditions(const std::vector<api::Condition>& conditions) {
  std::string text;
  for (const auto& condition : conditions)
    text += fmt::format(" {}={}/{}", condition.type, condition.status, condition.reason);
  return text;
}

std::string show_notices(const std::vector<api::NoticeEntry>& notices) {
  std::string text;
  for (const auto& notice : notices) {
    text += fmt::format(" notice={}/{}", notice.config.empty() ? "-" : notice.config,
                        format_duration(notice.before));
  }
  return text;
}

std::string show_keys_gone(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) text += fmt::format(", without key {}", key);
  return text;
}

std::string show_life(const api::ApiTokenStatus& status) {
  std::string text;
  if (status.rotate_at) text += " rotate=" + show_time(status.rotate_at);
  if (status.previous) {
    text += fmt::format(" previous={}/{}{}", status.previous->token_hash,
                        format_rfc3339(status.previous->valid_until),
                        status.previous->replaced_at ? "" : "/unfinished");
  }
  if (!status.last_rotation_request.empty()) text += " served=" + status.last_rotation_request;
  if (!status.ignored_rotation_request.empty())
    text += " ignored=" + status.ignored_rotation_request;
  if (status.delivered_at) text += " shown=" + show_time(status.delivered_at);
  if (status.has_encrypted_value) text += " encrypted";
  return text;
}

struct Show {
  std::string operator()(const KeepPrevious& keep) const {
    return fmt::format("keep the value under key {} of secret {} as the previous one", keep.key,
                       keep.at.key().text());
  }
  std::string operator()(const MintToken& mint) const {
    return fmt::format("mint {}{}{}", mint.jwt ? "a JWT" : "an Opaque token",
                       mint.rotates ? ", to rotate" : "",
                       mint.encrypt_to.empty() ? "" : ", encrypted");
  }
  std::string operator()(const ReadEncryptedValue&) const {
    return "read the encrypted value from the status";
  }
  std::string operator()(const WriteSecret& write) const {
    return fmt::format("write the value into {}secret {} key {}{}", write.at ? "" : "a new ",
                       write.secret.key().text(), write.key, show_keys_gone(write.keys_gone));
  }
  std::string operator()(const PatchSecretMetadata& patch) const {
    return fmt::format("{} secret {} labels:{} annotations:{}{}",
                       patch.owners.empty() ? "patch" : "adopt", patch.at.key().text(),
                       show_changes(patch.labels), show_changes(patch.annotations),
                       show_keys_gone(patch.keys_gone));
  }
  std::string operator()(const PatchStatus& patch) const {
    const auto& status = patch.status;
    return fmt::format("patch status revision={} hash={} issued={} expires={} warn={}{}{}{}",
                       status.revision, status.token_hash.empty() ? "-" : status.token_hash,
                       show_time(status.issued_at), show_time(status.expires_at),
                       show_time(status.warn_at), show_life(status),
                       show_conditions(status.conditions), show_notices(status.notices));
  }
  std::string operator()(const DeleteSecret& remove) const {
    return fmt::format("delete secret {}", remove.at.key().text());
  }
  std::string operator()(const DeleteToken&) const { return "delete the apitoken"; }
  std::string operator()(const PostEvent& post) const {
    return fmt::format("event {} {}: {}", post.event.warning ? "Warning" : "Normal",
                       post.event.reason, post.event.note);
  }
  std::string operator()(const SubmitNotice& submit) const {
    return fmt::format("submit notice {} before expiry of config {}{}{}",
                       format_duration(submit.notice.key.before),
                       submit.route.config.empty() ? "-" : submit.route.config,
                       submit.route.mails ? ", with mail" : "",
                       submit.notice.warning ? "" : ", normal");
  }
  std::string operator()(const CancelNotices&) const { return "cancel pending notices"; }
};

}  // namespace

std::string to_text(const Plan& plan) {
  std::string text;
  for (const Effect& effect : plan.effects) text += std::visit(Show{}, effect) + "\n";
  if (plan.wake_at) text += "wake " + format_rfc3339(*plan.wake_at) + "\n";
  if (plan.retry) text += "retry\n";
  return text;
}

}  // namespace apitoken::core
