-- KEYS: the keys with their prefix. Returns the raw version of each, or '' where the key does not exist. It does not
-- write. stored-version.lua precedes this script.
local versions = {}
for i, key in ipairs(KEYS) do versions[i] = stored_version(key) or '' end
return versions
