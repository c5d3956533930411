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
 * ARGV  channel ('' for no announcements), origin, length of the prefix;
 *       then five for each key:
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
 * Announcements carry keys without the prefix, one message for the sets and one for the deletes of the call.
 */
export const WRITE_SCRIPT = `
local channel, origin, prefix = ARGV[1], ARGV[2], tonumber(ARGV[3])
local results = {}
local changed = { set = {}, delete = {} }
local versions = {}

${STORED_VERSION}
-- Not '<': that compares by the server's locale.
local function greater(a, b)
  for i = 1, 12 do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return false
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

local function hex(raw)
  return (string.gsub(raw, '.', function(c) return string.format('%02x', string.byte(c)) end))
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function stamped_at(version)
  local ms = 0
  for i = 1, 6 do ms = ms * 256 + string.byte(version, i) end
  return ms
end

local function late(version, present, deadline)
  if #version < 12 or present == nil or #present < 12 or greater(version, present) then return false end
  if deadline ~= '' then return now > tonumber(deadline) end
  return now - stamped_at(version) > ${LATE_MS}
end

for i, key in ipairs(KEYS) do
  local at = 5 * i - 1
  local op, condition, ttl, envelope, deadline = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local present = stored_version(key)
  local stamp = op == 'set' and string.sub(envelope, 5, 16) or envelope
  if not holds(condition, present) then
    results[i] = { 'refused', present or '' }
  elseif late(stamp, present, deadline) then
    results[i] = { 'late', string.format('%.0f', now + ${LATE_MS}) }
  elseif op == 'delete' then
    if redis.call('UNLINK', key) == 1 then
      results[i] = { 'deleted', '' }
    else
      results[i] = { 'absent', '' }
    end
    table.insert(changed.delete, string.sub(key, prefix + 1))
  else
    local version = stamp
    if present and #present == 12 and not greater(version, present) then
      version = successor(present, string.sub(version, 9, 12))
      envelope = string.sub(envelope, 1, 4) .. version .. string.sub(envelope, 17)
    end
    redis.call('SET', key, envelope, 'PX', ttl)
    results[i] = { present and 'replaced' or 'created', version }
    table.insert(changed.set, string.sub(key, prefix + 1))
    table.insert(versions, hex(version))
  end
end

if channel ~= '' then
  if #changed.set > 0 then
    redis.call('PUBLISH', channel, cjson.encode({ origin = origin, reason = 'set', keys = changed.set, versions = versions }))
  end
  if #changed.delete > 0 then
    redis.call('PUBLISH', channel, cjson.encode({ origin = origin, reason = 'delete', keys = changed.delete }))
  end
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
