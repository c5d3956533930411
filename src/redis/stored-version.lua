-- Included in front of the scripts that read versions.
--
-- A key's version, nil where the key is absent: of an envelope its own, of any other string one made from its bytes, ''
-- of what is not a string. The offsets are those of envelope.ts, counted from 1 as Lua does.
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
