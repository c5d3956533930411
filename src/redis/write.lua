-- The one script through which every change goes, many operations a call. stored-version.lua stands in front of it.
--
-- KEYS  the keys, prefixed
-- ARGV  channel ('' for no announcements), the announcement of the sets and that of the deletes, as they are to be
--       published if everything is made as asked ('' where there are none); then five for each key:
--         1  'set' or 'delete'
--         2  the condition:
--              ''            none
--              'if-exists'   the key has a value
--              'if-absent'   the key has no value
--              '<' version   the key is absent, or has an older version, or has a value of another program
--              '~' version   the same, but a value of another program stays
--              '=' versions  the key has one of these 12-byte versions, one after another
--              '!' versions  the key has none of these versions
--         3  when the value expires, in ms of Redis's clock ('' for a delete)
--         4  the envelope; for a delete its raw stamp
--         5  the time in ms of Redis's clock from which on the change may not be made; '' for no limit
-- Returns an array for each key: status, and a raw version, or the message of an error, where there is one.
--
-- A change that arrives after its time is 'late' and not made: its sender has reported a time-out, and later changes must
-- not give way to it. So the sender of a change that is made is still waiting, and the change may be ordered after
-- everything that is stored: a stamp that is not greater than the stored one is raised to one more than it, with the
-- writer's own id. A stamp ahead of Redis's clock is cut to it: it would outlast the later stamps of other writers.
--
-- A fault of one key is the result of that key alone. Redis runs one script at a time, so the time that this one takes
-- for each key limits the writes of every replica. An announcement is made again only where a change was not made as
-- announced: making it in Lua takes as long as the write.

-- How far a stamp may be ahead of Redis's clock, in ms: replicas know that clock to half a round trip.
local STAMP_AHEAD_MS = 100

local channel = ARGV[1]
local results = {}
-- By operation, whether anything went otherwise than announced.
local differs = { set = false, delete = false }

-- Both of 12 bytes. Not '<': that compares by the server's locale.
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

local function holds(condition, version)
  if condition == '' then return true end
  if condition == 'if-exists' then return version ~= nil end
  if condition == 'if-absent' then return version == nil end
  local sign = string.sub(condition, 1, 1)
  if sign == '<' or sign == '~' then
    if version == nil then return true end
    if foreign(version) then return sign == '<' end
    return greater(string.sub(condition, 2), version)
  end
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

-- The stamp that a value gets: not ahead of Redis's clock, and greater than the one that is there.
local function settled(stamp, present)
  if #stamp ~= 12 then return stamp end
  if milliseconds(stamp) > now + STAMP_AHEAD_MS then stamp = stamped(now, string.sub(stamp, 9, 12)) end
  if present and #present == 12 and not greater(stamp, present) then
    stamp = successor(present, string.sub(stamp, 9, 12))
  end
  return stamp
end

for i, key in ipairs(KEYS) do
  local at = 5 * i - 1
  local op, condition, expiry, envelope, deadline = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local present = stored_version(key)
  if deadline ~= '' and now >= tonumber(deadline) then
    results[i] = { 'late', '' }
  elseif not holds(condition, present) then
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
    -- However long it took to come here. One that has expired takes the place of what it replaces all the same.
    local expires = tonumber(expiry)
    local ttl = expires and string.format('%.0f', math.max(1, expires - now)) or expiry
    local stored = redis.pcall('SET', key, envelope, 'PX', ttl)
    if stored.err then results[i] = { 'error', stored.err }
    else results[i] = { present and 'replaced' or 'created', final } end
  end
  local status = results[i][1]
  if status == 'late' or status == 'refused' or status == 'error' then differs[op] = true end
end

local HEX = string.rep('%02x', 12)

-- What was done of what was to be announced, nil for nothing.
local function corrected(op, text)
  local announcement = cjson.decode(text)
  local keys, versions, asked = {}, {}, 0
  for i = 1, #KEYS do
    if ARGV[5 * i - 1] == op then
      asked = asked + 1
      local status, version = results[i][1], results[i][2]
      if status ~= 'refused' and status ~= 'late' and status ~= 'error' then
        table.insert(keys, announcement.keys[asked])
        table.insert(
          versions,
          op == 'set' and string.format(HEX, string.byte(version, 1, 12)) or announcement.versions[asked]
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
  -- The changes are made. A user who may not publish them must not receive an error for them.
  if text and text ~= '' then redis.pcall('PUBLISH', channel, text) end
end

if channel ~= '' then
  announce('set', ARGV[2])
  announce('delete', ARGV[3])
end
return results
