-- This file precedes the scripts that read versions.
--
-- stored_version returns the raw version of a key:
--   1. nil where the key does not exist;
--   2. for an envelope, the version in it. The offsets are those of envelope.ts, but Lua counts from 1;
--   3. for any other string, a hash of its bytes behind eight zero bytes;
--   4. '' for a key that is not a string.
local function stored_version(key)
  local head = redis.pcall('GETRANGE', key, 0, 15)
  if type(head) ~= 'string' then return '' end
  if #head == 0 then return nil end
  local lead, layout = string.byte(head, 1, 2)
  if #head == 16 and ((lead == 0x97 and layout == 2) or (lead == 0x96 and layout == 1)) then
    return string.sub(head, 5, 16)
  end
  local hex = redis.sha1hex(redis.call('GET', key))
  local raw = { string.rep('\0', 8) }
  for i = 1, 8, 2 do raw[#raw + 1] = string.char(tonumber(string.sub(hex, i, i + 1), 16)) end
  return table.concat(raw)
end
