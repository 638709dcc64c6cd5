-- The health of an ApiToken in Argo CD, which calls this with `obj`, by default without Lua's
-- string library. It only reads.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local ready = conditions.Ready
if ready == nil then
  return { status = "Progressing", message = "Waiting for apitoken-operator" }
end
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for apitoken-operator to see the change" }
end

local message = ready.reason
if ready.message ~= nil and ready.message ~= "" then
  message = message .. ": " .. ready.message
end
if ready.status == "True" then
  return { status = "Healthy", message = message } -- ExpiringSoon too: it works, and the message says until when
end
if ready.reason == "Revoked" then
  return { status = "Suspended", message = message } -- as its spec asks
end
local stalled = conditions.Stalled
if stalled ~= nil and stalled.status == "True" then
  return { status = "Degraded", message = message }
end
return { status = "Progressing", message = message }
