-- The health of a TokenExpiryConfig in Argo CD, which calls this with `obj`, by default without Lua's
-- string library. It only reads.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function text_of(condition)
  if condition.message == nil or condition.message == "" then
    return condition.reason
  end
  return condition.reason .. ": " .. condition.message
end

local ready = conditions.Ready
if ready == nil then
  return { status = "Progressing", message = "Waiting for apitoken-operator" }
end
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for apitoken-operator to see the change" }
end
if ready.reason == "SecretNotFound" then
  return { status = "Progressing", message = text_of(ready) } -- resumes as soon as the Secret exists
end
if ready.status ~= "True" then
  return { status = "Degraded", message = text_of(ready) }
end
local delivery = conditions.EmailDelivery
if delivery ~= nil and delivery.status == "False" then
  return { status = "Degraded", message = text_of(delivery) }
end
return { status = "Healthy", message = text_of(ready) }
