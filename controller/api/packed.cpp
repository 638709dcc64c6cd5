// Writes the members of an object one after the other: numbers in as few bytes as they need, and
// frequent texts as numbers.
//
// The functions members() name the members of each struct, for both directions. A structured
// binding names all of them, so a new member does not compile until it is packed too.
#include "api/packed.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>

#include "api/names.hpp"
#include "base/ascii.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

// ---- texts

// Texts that many objects have.
constexpr auto kWords =
    std::to_array<std::string_view>({"",          kApiVersion,         kApiTokenKind,
                                     kManagedBy,  kManagedByLabel,     kExpiresAtAnnotation,
                                     kJwt,        kIssuedAtAnnotation, kTokenIdAnnotation,
                                     kOpaque,     kUserAnnotation,     kTokenHashAnnotation,
                                     kDefaultKey, kRevisionAnnotation, kPermanent,
                                     kTemporary,  kPreviousKey,        kAutomatic,
                                     kManual,     "8760h0m0s",         "2160h0m0s"});
static_assert(kWords[0].empty());
// What the number before a text means: one of kWords, a uid, a token hash, a time, or the length of
// the text plus kFirstLength.
constexpr std::uint64_t kUid = kWords.size();
constexpr std::uint64_t kHash = kUid + 1;
constexpr std::uint64_t kTime = kHash + 1;
constexpr std::uint64_t kFirstLength = kTime + 1;

constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kUidBytes = 16;
constexpr std::string_view kUidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
constexpr std::string_view kTimeForm = "2026-01-01T00:00:00Z";

// The two hexadecimal digits of each byte.
constexpr auto kTwoDigits = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> digits{};
  for (std::size_t byte = 0; byte < digits.size(); ++byte)
    digits[byte] = {kDigits[byte >> 4], kDigits[byte & 0xF]};
  return digits;
}();

unsigned value_of(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

bool is_uid(std::string_view text) {
  if (text.size() != kUidForm.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kUidForm[i] == '-' ? text[i] != '-' : !is_lower_hex(text[i])) return false;
  }
  return true;
}

bool is_hash(std::string_view text) {
  return text.size() == kHashPrefix.size() + 2 * kHashBytes && text.starts_with(kHashPrefix) &&
         std::ranges::all_of(text.substr(kHashPrefix.size()), is_lower_hex);
}

// The time that format_rfc3339() writes as exactly this text.
std::optional<WallTime> as_time(std::string_view text) {
  if (text.size() != kTimeForm.size() || text.back() != 'Z') return {};
  const auto time = parse_rfc3339(text);
  return time && format_rfc3339(*time) == text ? time : std::nullopt;
}

// ---- both directions

template <typename A>
class Members {  // gives A its calls: archive(member, member, ...)
 public:
  template <typename... M>
  void operator()(M&... member) {
    (static_cast<A&>(*this).one(member), ...);
  }
};

template <typename M, typename T>
concept Is = std::same_as<std::remove_const_t<M>, T>;

// The first three of an object come first in its bytes, see peek_packed().
template <typename A, Is<ObjectMeta> M>
void members(A& archive, M& object) {
  auto& [ns, name, uid, resource_version, generation, created, deleted, labels, annotations,
         owners] = object;
  archive.plain(ns);
  archive.plain(name);
  archive.plain(resource_version);
  archive(uid, generation, created, deleted, labels, annotations, owners);
}

template <typename A, Is<OwnerReference> M>
void members(A& archive, M& owner) {
  auto& [api_version, kind, name, uid] = owner;
  archive(api_version, kind, name, uid);
}

template <typename A, Is<Condition> M>
void members(A& archive, M& condition) {
  auto& [type, status, reason, message, last_transition, observed_generation] = condition;
  archive(type, status, reason, message, last_transition, observed_generation);
}

template <typename A, Is<SecretTemplate> M>
void members(A& archive, M& secret) {
  auto& [name, key, labels, annotations, delete_after, encrypt_to] = secret;
  archive(name, key, labels, annotations, delete_after, encrypt_to);
}

template <typename A, Is<RotationPolicy> M>
void members(A& archive, M& rotation) {
  auto& [policy, before, overlap] = rotation;
  archive(policy, before, overlap);
}

template <typename A, Is<ApiTokenSpec> M>
void members(A& archive, M& spec) {
  auto& [user, description, type, ttl, format, groups, scopes, audiences, secret, rotation, revoked,
         ttl_after_expired, problems] = spec;
  archive(user, description, type, ttl, format, groups, scopes, audiences, secret, rotation,
          revoked, ttl_after_expired, problems);
}

template <typename A, Is<NoticeEntry> M>
void members(A& archive, M& notice) {
  auto& [config, before, event_at, sent_at] = notice;
  archive(config, before, event_at, sent_at);
}

template <typename A, Is<PreviousToken> M>
void members(A& archive, M& previous) {
  auto& [token_id, token_hash, valid_until, replaced_at] = previous;
  archive(token_id, token_hash, valid_until, replaced_at);
}

template <typename A, Is<ApiTokenStatus> M>
void members(A& archive, M& status) {
  auto& [observed_generation, conditions, type, ttl, token_id, token_hash, hint, issued_at,
         expires_at, rotate_at, warn_at, delivered_at, revision, has_encrypted_value, secret_name,
         previous, last_rotation_request, ignored_rotation_request, last_rotation_time,
         last_used_at, notices] = status;
  archive(observed_generation, conditions, type, ttl, token_id, token_hash, hint, issued_at,
          expires_at, rotate_at, warn_at, delivered_at, revision, has_encrypted_value, secret_name,
          previous, last_rotation_request, ignored_rotation_request, last_rotation_time,
          last_used_at, notices);
}

template <typename A, Is<ApiToken> M>
void members(A& archive, M& token) {
  auto& [meta, spec, status] = token;
  archive(meta, spec, status);
}

template <typename A, Is<SecretMeta> M>
void members(A& archive, M& secret) {
  auto& [meta, data_keys_ours, data_keys_others, label_keys_ours, annotation_keys_ours] = secret;
  archive(meta, data_keys_ours, data_keys_others, label_keys_ours, annotation_keys_ours);
}

// ---- writing

class Writer : public Members<Writer> {
 public:
  explicit Writer(std::string& bytes) : bytes_(bytes) {}

  void plain(std::string_view text) {
    number(text.size());
    bytes_.append(text);
  }
  void one(const std::string& text) {
    if (const auto word = std::ranges::find(kWords, text); word != kWords.end()) {
      number(static_cast<std::uint64_t>(word - kWords.begin()));
    } else if (is_uid(text)) {
      number(kUid);
      digits(text);
    } else if (is_hash(text)) {
      number(kHash);
      digits(std::string_view(text).substr(kHashPrefix.size()));
    } else if (const auto time = as_time(text)) {
      number(kTime);
      one(*time);
    } else {
      number(text.size() + kFirstLength);
      bytes_.append(text);
    }
  }
  void one(std::string_view condition_word) {
    const auto found = std::ranges::find(kConditionWords, condition_word);
    const bool known = found != std::end(kConditionWords);
    number(known ? static_cast<std::uint64_t>(found - std::begin(kConditionWords)) + 1 : 0);
  }
  void one(std::int64_t value) {  // small numbers of both signs become small
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void one(bool value) { bytes_.push_back(value ? '\1' : '\0'); }
  void one(Seconds duration) { one(std::int64_t{duration.count()}); }
  void one(WallTime time) { one(std::int64_t{time.time_since_epoch().count()}); }
  template <typename T>
  void one(const std::optional<T>& value) {
    one(value.has_value());
    if (value) one(*value);
  }
  template <typename T>
  void one(const std::vector<T>& list) {
    number(list.size());
    for (const T& item : list) one(item);
  }
  void one(const StringMap& map) {
    number(map.size());
    for (const auto& [name, value] : map) {
      one(name);
      one(value);
    }
  }
  template <typename T>
  void one(const Rare<T>& value) {
    const bool given = !(*value == T{});
    one(given);
    if (given) one(*value);
  }
  template <typename T>
  void one(const T& object) {
    members(*this, object);
  }

 private:
  // Seven bits a byte, the lowest first; the eighth says that more follow.
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }
  // Two hexadecimal digits a byte; dashes are left out.
  void digits(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); i += 2) {
      if (text[i] == '-') ++i;
      bytes_.push_back(static_cast<char>(value_of(text[i]) << 4 | value_of(text[i + 1])));
    }
  }

  std::string& bytes_;
};

// ---- reading

// With `skims`, texts that are none of kWords and all maps are left empty.
template <bool skims>
class Reader : public Members<Reader<skims>> {
 public:
  explicit Reader(const char* at) : at_(at) {}

  std::string_view plain() { return take(number()); }
  void plain(std::string& text) { text = plain(); }
  void one(std::string& text) {
    const auto code = number();
    if (code == 0) {  // the most frequent
      text.clear();
    } else if (code < kWords.size()) {
      text = kWords[code];
    } else if constexpr (skims) {
      text.clear();
      pass_text(code);
    } else if (code == kUid) {
      text = kUidForm;
      digits(text, 0);
    } else if (code == kHash) {
      text = kHashPrefix;
      text.resize(kHashPrefix.size() + 2 * kHashBytes);
      digits(text, kHashPrefix.size());
    } else if (code == kTime) {
      text = format_rfc3339(read<WallTime>());
    } else {
      text = take(code - kFirstLength);
    }
  }
  void one(std::string_view& condition_word) {
    const auto index = number();
    condition_word = index == 0 ? condition::kUnknown : kConditionWords[index - 1];
  }
  void one(std::int64_t& value) {
    const auto coded = number();
    value = static_cast<std::int64_t>(coded >> 1) ^ -static_cast<std::int64_t>(coded & 1);
  }
  void one(bool& value) { value = *at_++ != '\0'; }
  void one(Seconds& duration) { duration = Seconds(read<std::int64_t>()); }
  void one(WallTime& time) { time = WallTime(Seconds(read<std::int64_t>())); }
  template <typename T>
  void one(std::optional<T>& value) {
    if (!read<bool>()) return value.reset();
    if (!value) value.emplace();
    one(*value);
  }
  template <typename T>
  void one(std::vector<T>& list) {
    list.resize(number());
    for (T& item : list) one(item);
  }
  void one(StringMap& map) {
    if constexpr (skims) {
      map.clear();
      for (auto texts = 2 * number(); texts > 0; --texts) pass_text(number());
      return;
    }
    auto entries = map.extract_sequence();
    entries.resize(number());
    for (auto& [name, value] : entries) {
      one(name);
      one(value);
    }
    map.adopt_sequence(boost::container::ordered_unique_range, std::move(entries));
  }
  template <typename T>
  void one(Rare<T>& value) {
    if (!read<bool>()) {
      value = Rare<T>();
    } else {
      one(value.edit());
    }
  }
  template <typename T>
  void one(T& object) {
    members(*this, object);
  }

 private:
  template <typename T>
  T read() {
    T value{};
    one(value);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = static_cast<std::uint8_t>(*at_++);
    if (value < 0x80) return value;
    value &= 0x7F;
    for (unsigned shift = 7;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at_++);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
  }
  // Passes over a text of which the number before it was read.
  void pass_text(std::uint64_t code) {
    if (code < kWords.size()) return;
    if (code == kTime) {
      number();
    } else {
      at_ += code == kUid ? kUidBytes : code == kHash ? kHashBytes : code - kFirstLength;
    }
  }
  std::string_view take(std::size_t size) { return {std::exchange(at_, at_ + size), size}; }
  void digits(std::string& text, std::size_t begin) {
    for (std::size_t i = begin; i < text.size(); i += 2) {
      if (text[i] == '-') ++i;
      const auto& two = kTwoDigits[static_cast<std::uint8_t>(*at_++)];
      text[i] = two[0];
      text[i + 1] = two[1];
    }
  }

  const char* at_;
};

// The bytes of an object that nobody read lately are in no cache of the processor. Asked for
// together, their lines come in about the time of one.
constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kUsualBytes = 6 * kLineBytes;

template <bool skims, typename T>
void unpacked(const char* bytes, T& into) {
  for (std::size_t at = kLineBytes; at < kUsualBytes; at += kLineBytes)
    __builtin_prefetch(bytes + at);
  Reader<skims>(bytes).one(into);
}

template <typename T>
std::string packed(const T& object) {
  std::string bytes;
  Writer(bytes).one(object);
  return bytes;
}

}  // namespace

std::string pack(const ApiToken& token) { return packed(token); }
std::string pack(const SecretMeta& secret) { return packed(secret); }

void unpack(const char* bytes, ApiToken& into) { unpacked<false>(bytes, into); }
void unpack(const char* bytes, SecretMeta& into) { unpacked<false>(bytes, into); }
void skim(const char* bytes, ApiToken& into) { unpacked<true>(bytes, into); }

ObjectVersion peek_packed(const char* bytes) {
  Reader<false> reader(bytes);
  ObjectVersion version{};
  version.ns = reader.plain();
  version.name = reader.plain();
  version.resource_version = reader.plain();
  return version;
}

}  // namespace apitoken::api
