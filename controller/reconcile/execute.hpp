// Executor: carries out the plan for one ApiToken, effect by effect, and stops at the first that
// fails. Values of tokens exist only here, from minting until the Secret is written or the value is
// encrypted. Workers call it, on any thread.
#pragma once

#include <functional>

#include "core/plan.hpp"
#include "kube/client.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/live_view.hpp"
#include "reconcile/own_writes.hpp"
#include "reconcile/stores.hpp"

namespace apitoken::reconcile {

class Executor {
 public:
  using SignJwt =
      std::function<Result<core::MintedToken>(const core::JwtClaims& claims, std::stop_token stop)>;
  using Minted = std::function<void(bool rotated)>;
  using PlanAgain = std::function<void(const api::ObjectKey& token)>;

  // `minted` is called for each value that was written, with whether it was a rotation.
  // `plan_again` is called if the watch will not show the Secret that was written.
  Executor(kube::Client& client, Stores& stores, OwnWrites& own_writes, LiveView& live,
           notify::Dispatcher& dispatcher, SignJwt sign_jwt, Minted minted, PlanAgain plan_again)
      : client_(client),
        stores_(stores),
        own_writes_(own_writes),
        live_(live),
        dispatcher_(dispatcher),
        sign_jwt_(std::move(sign_jwt)),
        minted_(std::move(minted)),
        plan_again_(std::move(plan_again)) {}

  // Puts the answers to its writes into the stores at once. Errors: those of the effect that
  // failed.
  Status execute(const core::Plan& plan, const api::ApiToken& token, std::stop_token stop);

 private:
  struct Pass;  // the state that one execution passes from effect to effect

  Status run(const core::KeepPrevious& effect, Pass& pass);
  Status run(const core::MintToken& effect, Pass& pass);
  Status run(const core::ReadEncryptedValue& effect, Pass& pass);
  Status run(const core::WriteSecret& effect, Pass& pass);
  Status run(const core::PatchSecretMetadata& effect, Pass& pass);
  Status run(const core::PatchStatus& effect, Pass& pass);
  Status run(const core::DeleteSecret& effect, Pass& pass);
  Status run(const core::DeleteToken& effect, Pass& pass);
  Status run(const core::PostEvent& effect, Pass& pass);
  Status run(const core::SubmitNotice& effect, Pass& pass);
  Status run(const core::CancelNotices& effect, Pass& pass);

  Result<std::string> patch_secret(const core::WriteSecret& effect, const SecretString& value,
                                   Pass& pass);
  Status took_secret(const Result<std::string>& answer, Pass& pass);

  kube::Client& client_;
  Stores& stores_;
  OwnWrites& own_writes_;
  LiveView& live_;
  notify::Dispatcher& dispatcher_;
  SignJwt sign_jwt_;
  Minted minted_;
  PlanAgain plan_again_;
};

}  // namespace apitoken::reconcile
