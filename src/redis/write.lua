-- The script that makes every change, many keys in one call.
--
-- KEYS  the keys with their prefix
-- ARGV  1. the channel ('' for no announcements)
--       2. the announcement of the sets, published as it is if all sets are made as requested ('' without sets)
--       3. the announcement of the deletes, likewise
--       then five arguments for each key:
--         1  'set' or 'delete'
--         2  the condition:
--              ''            none
--              'if-exists'   the key has a value
--              'if-absent'   the key has no value
--              '<' version   the key has no value, an older version, or a value of another program
--              '~' version   the key has no value, or an older version; a value of another program stays
--              '=' versions  the key has one of these 12-byte versions, which follow each other
--              '!' versions  the key has none of these versions
--              '@' time      the key has no value, or a value whose data is not from a later time; uint 64, ms
--            After the version of '<' and '~', a time may follow. Then '@' must hold too.
--         3  when the value expires, in ms of Redis's clock ('' for a delete)
--         4  the envelope; for a delete its raw stamp
--         5  the deadline in ms of Redis's clock: from this time on the change is not made; '' for no deadline
--       then, if a change has an idempotency key, two arguments for each key ('' and '' for a change without one):
--         1  the key of the record of the change, in the same slot
--         2  a hash of 8 bytes of what the client sent
-- Returns for each key a status and a detail:
--         'created', 'replaced'  the raw version that was stored
--         'deleted', 'absent'    ''
--         'refused'              the condition did not hold; the raw version of the key, or ''
--         'repeated'             the record shows that the change was made before; a letter for its status, and the raw
--                                version that it stored
--         'reused'               the record is that of another change; ''
--         'late'                 the deadline has passed and nothing was done; ''
--         'error'                the error message of Redis
--
-- Rules:
--   1. A change that arrives after its deadline is not made. Its sender has reported a time-out, and the change could
--      overwrite a later one.
--   2. So the sender of every change that is made is still waiting, and the change may be ordered after the stored
--      value. A stamp that is not greater than the stored version is raised to one more, with the id of its own writer.
--   3. A stamp ahead of Redis's clock is lowered to that clock. Otherwise it would outrank later stamps of other
--      writers.
--   4. An error for one key does not affect the other keys.
--   5. A change that has a record is not made again. Records are not in KEYS: while a slot moves, Redis refuses a script
--      whose keys are not all on one side. A record that cannot be read or written is ignored.
--
-- Redis runs one script at a time, so the time per key limits the writes of all replicas. Building an announcement in
-- Lua takes as long as the write. So the caller builds it, and the script corrects it only where a change was not made
-- as announced.

-- How far a stamp may be ahead of Redis's clock, in ms, because replicas know that clock to half a round trip.
local STAMP_AHEAD_MS = 100

-- The same as REMEMBERED_MS in idempotency.ts.
local RECORD_MS = 300000
local LETTERS = { created = 'c', replaced = 'r', deleted = 'd', absent = 'a' }

local channel = ARGV[1]
local results = {}
-- For each operation, whether a change was not made as announced.
local differs = { set = false, delete = false }

-- Returns the raw version of a key:
--   1. nil where the key does not exist;
--   2. for an envelope, the version in it. The offsets are those of envelope.ts, but Lua counts from 1;
--   3. for any other string, a hash of its bytes behind eight zero bytes;
--   4. '' for a key that is not a string.
local function stored_version(key)
  local head = redis.pcall('GETRANGE', key, 0, 15)
  if type(head) ~= 'string' then return '' end
  if #head == 0 then return nil end
  local lead, layout = string.byte(head, 1, 2)
  if #head == 16 and
    ((lead == 0x97 and layout == 2) or (lead == 0x99 and layout == 3) or (lead == 0x96 and layout == 1)) then
    return string.sub(head, 5, 16)
  end
  local hex = redis.sha1hex(redis.call('GET', key))
  local raw = { string.rep('\0', 8) }
  for i = 1, 8, 2 do raw[#raw + 1] = string.char(tonumber(string.sub(hex, i, i + 1), 16)) end
  return table.concat(raw)
end

-- Compares two versions of 12 bytes. The operator '<' would compare by the locale of the server.
local function greater(a, b)
  local a1, a2, a3 = struct.unpack('>I4I4I4', a)
  local b1, b2, b3 = struct.unpack('>I4I4I4', b)
  if a1 ~= b1 then return a1 > b1 end
  if a2 ~= b2 then return a2 > b2 end
  return a3 > b3
end

local function successor(version, writer)
  local bytes = { string.byte(version, 1, 8) }
  for i = 8, 1, -1 do
    if bytes[i] < 255 then bytes[i] = bytes[i] + 1; break end
    bytes[i] = 0
  end
  return string.char(unpack(bytes)) .. writer
end

local function foreign(version)
  return #version < 12 or string.sub(version, 1, 8) == string.rep('\0', 8)
end

local function number64(bytes)
  local high, low = struct.unpack('>I4I4', bytes)
  return high * 4294967296 + low
end

-- Returns whether the data of the stored value is from a later time. An envelope without a time has 0 there.
local function newer(key, time)
  if time == '' then return false end
  local head = redis.pcall('GETRANGE', key, 0, 43)
  if type(head) ~= 'string' or #head < 44 or string.sub(head, 1, 2) ~= '\153\3' then return false end
  return number64(string.sub(head, 37, 44)) > number64(time)
end

local function holds(condition, version, key)
  if condition == '' then return true end
  if condition == 'if-exists' then return version ~= nil end
  if condition == 'if-absent' then return version == nil end
  local sign = string.sub(condition, 1, 1)
  if sign == '<' or sign == '~' then
    if version == nil then return true end
    if foreign(version) then return sign == '<' end
    return greater(string.sub(condition, 2, 13), version) and not newer(key, string.sub(condition, 14))
  end
  if sign == '@' then return not newer(key, string.sub(condition, 2)) end
  local listed = false
  if version ~= nil then
    for i = 2, #condition, 12 do
      if string.sub(condition, i, i + 11) == version then listed = true end
    end
  end
  return listed == (sign == '=')
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function milliseconds(version)
  local high, low = struct.unpack('>I2I4', version)
  return high * 4294967296 + low
end

local function stamped(ms, writer)
  return struct.pack('>I2I4I2', math.floor(ms / 4294967296), ms % 4294967296, 0) .. writer
end

-- Returns the stamp to store: not ahead of Redis's clock, and greater than the stored version.
local function settled(stamp, present)
  if #stamp ~= 12 then return stamp end
  if milliseconds(stamp) > now + STAMP_AHEAD_MS then stamp = stamped(now, string.sub(stamp, 9, 12)) end
  if present and #present == 12 and not greater(stamp, present) then
    stamp = successor(present, string.sub(stamp, 9, 12))
  end
  return stamp
end

-- Returns the result for a change that has a record, or nil where it has none.
local function recorded(record, contents)
  if not record or record == '' then return nil end
  local found = redis.pcall('GET', record)
  if type(found) ~= 'string' then return nil end
  if string.sub(found, 1, 8) ~= contents then return { 'reused', '' } end
  return { 'repeated', string.sub(found, 9) }
end

local function is_made(result)
  return LETTERS[result[1]] ~= nil
end

for i, key in ipairs(KEYS) do
  local at = 5 * i - 1
  local op, condition, expiry, envelope, deadline = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local record, contents = ARGV[2 + 5 * #KEYS + 2 * i], ARGV[3 + 5 * #KEYS + 2 * i]
  local present = stored_version(key)
  local earlier = recorded(record, contents)
  if earlier then
    results[i] = earlier
  elseif deadline ~= '' and now >= tonumber(deadline) then
    results[i] = { 'late', '' }
  elseif not holds(condition, present, key) then
    results[i] = { 'refused', present or '' }
  elseif op == 'delete' then
    local removed = redis.pcall('UNLINK', key)
    if type(removed) == 'table' then results[i] = { 'error', removed.err }
    else results[i] = { removed == 1 and 'deleted' or 'absent', '' } end
  else
    local stamp = string.sub(envelope, 5, 16)
    local final = settled(stamp, present)
    if final ~= stamp then
      envelope = string.sub(envelope, 1, 4) .. final .. string.sub(envelope, 17)
      differs.set = true
    end
    -- A value that expired on its way is stored for 1 ms, because it must still replace the older value.
    local expires = tonumber(expiry)
    local ttl = expires and string.format('%.0f', math.max(1, expires - now)) or expiry
    local stored = redis.pcall('SET', key, envelope, 'PX', ttl)
    if stored.err then results[i] = { 'error', stored.err }
    else results[i] = { present and 'replaced' or 'created', final } end
  end
  if not is_made(results[i]) then
    differs[op] = true
  elseif record and record ~= '' then
    redis.pcall('SET', record, contents .. LETTERS[results[i][1]] .. results[i][2], 'PX', RECORD_MS)
  end
end

local HEX = string.rep('%02x', 12)

-- Returns the announcement of the changes that were made, or nil where none was made.
local function corrected(op, text)
  local announcement = cjson.decode(text)
  local keys, versions, position = {}, {}, 0
  for i = 1, #KEYS do
    if ARGV[5 * i - 1] == op then
      position = position + 1
      local version = results[i][2]
      if is_made(results[i]) then
        table.insert(keys, announcement.keys[position])
        table.insert(
          versions,
          op == 'set' and string.format(HEX, string.byte(version, 1, 12)) or announcement.versions[position]
        )
      end
    end
  end
  if #keys == 0 then return nil end
  announcement.keys = keys
  announcement.versions = versions
  return cjson.encode(announcement)
end

local function announce(op, text)
  if text ~= '' and differs[op] then text = corrected(op, text) end
  -- pcall, because the changes are made: a user without permission to publish must not receive an error for them.
  if text and text ~= '' then redis.pcall('PUBLISH', channel, text) end
end

if channel ~= '' then
  announce('set', ARGV[2])
  announce('delete', ARGV[3])
end
return results
