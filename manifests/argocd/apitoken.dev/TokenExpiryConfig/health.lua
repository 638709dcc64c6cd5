-- What Argo CD shows as the health of a TokenExpiryConfig. Argo CD calls it with `obj` and, unless told otherwise, without Lua's
-- string library; it only reads.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function told(condition)
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
  return { status = "Progressing", message = told(ready) } -- goes on by itself as soon as the Secret is there
end
if ready.status ~= "True" then
  return { status = "Degraded", message = told(ready) }
end
local delivery = conditions.EmailDelivery
if delivery ~= nil and delivery.status == "False" then
  return { status = "Degraded", message = told(delivery) }
end
return { status = "Healthy", message = told(ready) }
