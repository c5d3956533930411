-- KEYS: the keys, prefixed. Returns the raw version of each, '' where the key is absent. It writes nothing.
-- stored-version.lua stands in front of it.
local versions = {}
for i, key in ipairs(KEYS) do versions[i] = stored_version(key) or '' end
return versions
