/** A key's version, nil where there is none: of an envelope its own, of anything else one made from its bytes. */
const STORED_VERSION = `
local function stored_version(key)
  local head = redis.pcall('GETRANGE', key, 0, 15)
  if type(head) ~= 'string' then return '' end
  if #head == 0 then return nil end
  if #head == 16 and string.byte(head, 1) == 0x96 and string.byte(head, 2) == 1 then
    return string.sub(head, 5, 16)
  end
  local hex = redis.sha1hex(redis.call('GET', key))
  local raw = { string.rep('\\0', 8) }
  for i = 1, 8, 2 do raw[#raw + 1] = string.char(tonumber(string.sub(hex, i, i + 1), 16)) end
  return table.concat(raw)
end
`;

/** How old a stamp may be before a change that would have to be raised over a newer one is given up, in ms. */
const LATE_MS = 2000;

/**
 * The one script through which every write goes, many operations a call.
 *
 * KEYS  the keys, prefixed
 * ARGV  channel ('' for no announcements), the announcement of the sets and that of the deletes, as they are to be
 *       published if all is done as asked ('' where there are none); then five for each key:
 *         1  'set' or 'delete'
 *         2  the condition: '', 'if-exists', 'if-absent', '<' and a 12-byte version (if there is none or an
 *            older one), or '=' or '!' and 12-byte versions one after another
 *         3  time to live in ms ('' for a delete)
 *         4  the envelope; for a delete its raw stamp, or ''
 *         5  until when it may be made, in ms of Redis's clock; '' the first time
 * Returns an array a key: status, and a raw version where there is one to tell.
 *
 * A stamp that is not greater than the stored one is raised to one more than it, with the writer's own id: see
 * `Store` in `cache/store.ts` for why. The offsets are those of `envelope.ts`, counted from 1 as Lua does.
 *
 * But not for a change that comes late: one that lay in a socket for seconds is given up by whoever sent it, and
 * what was written since must not give way to it. Such a one is `late`, and not made; its second result is then
 * until when it may be made if it is sent again, which only who still waits for it will do (a writer whose clock
 * is far behind looks the same).
 *
 * Redis does one thing at a time, so what this takes per key is what bounds everybody's writes. An announcement is
 * made anew only where something was not done, or a stamp was raised; to make it in Lua takes as long as the write.
 */
export const WRITE_SCRIPT = `
local channel = ARGV[1]
local results = {}
-- By operation, whether anything went otherwise than announced.
local differs = { set = false, delete = false }

${STORED_VERSION}
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

local function holds(condition, version)
  if condition == '' then return true end
  if condition == 'if-exists' then return version ~= nil end
  if condition == 'if-absent' then return version == nil end
  if string.sub(condition, 1, 1) == '<' then
    return version == nil or #version < 12 or greater(string.sub(condition, 2), version)
  end
  local listed = false
  if version ~= nil then
    for i = 2, #condition, 12 do
      if string.sub(condition, i, i + 11) == version then listed = true end
    end
  end
  return listed == (string.sub(condition, 1, 1) == '=')
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function stamped_at(version)
  local ms = 0
  for i = 1, 6 do ms = ms * 256 + string.byte(version, i) end
  return ms
end

local function late(version, deadline)
  if deadline ~= '' then return now > tonumber(deadline) end
  return now - stamped_at(version) > ${LATE_MS}
end

for i, key in ipairs(KEYS) do
  local at = 5 * i - 1
  local op, condition, ttl, envelope, deadline = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local present = stored_version(key)
  local stamp = op == 'set' and string.sub(envelope, 5, 16) or envelope
  local behind = present and #present == 12 and #stamp == 12 and not greater(stamp, present)
  if not holds(condition, present) then
    results[i] = { 'refused', present or '' }
    differs[op] = true
  elseif behind and late(stamp, deadline) then
    results[i] = { 'late', string.format('%.0f', now + ${LATE_MS}) }
    differs[op] = true
  elseif op == 'delete' then
    results[i] = { redis.call('UNLINK', key) == 1 and 'deleted' or 'absent', '' }
  else
    if behind then
      stamp = successor(present, string.sub(stamp, 9, 12))
      envelope = string.sub(envelope, 1, 4) .. stamp .. string.sub(envelope, 17)
      differs.set = true
    end
    redis.call('SET', key, envelope, 'PX', ttl)
    results[i] = { present and 'replaced' or 'created', stamp }
  end
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
      if status ~= 'refused' and status ~= 'late' then
        table.insert(keys, announcement.keys[asked])
        if op == 'set' then table.insert(versions, string.format(HEX, string.byte(version, 1, 12))) end
      end
    end
  end
  if #keys == 0 then return nil end
  announcement.keys = keys
  announcement.versions = op == 'set' and versions or nil
  return cjson.encode(announcement)
end

local function announce(op, text)
  if text ~= '' and differs[op] then text = corrected(op, text) end
  if text and text ~= '' then redis.call('PUBLISH', channel, text) end
end

if channel ~= '' then
  announce('set', ARGV[2])
  announce('delete', ARGV[3])
end
return results
`;

/** KEYS: the keys, prefixed. Returns the raw version of each, '' where there is none. It writes nothing. */
export const VERSIONS_SCRIPT = `
${STORED_VERSION}
local versions = {}
for i, key in ipairs(KEYS) do versions[i] = stored_version(key) or '' end
return versions
`;
