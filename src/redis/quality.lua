-- Adds or replaces the record of a source or a mark.
--
-- KEYS  the hash of all records
-- ARGV  1. the time, in ms
--       2. the most names that all records may have together
--       3. the field: the name of the source, or the id of the mark
--       4. the record: when it expires (13 digits), ':', its names (5 digits), ':', its text
-- Returns 1, or 0 if the records would have too many names.
--
-- Only a record that needs more names than before counts the names of all, and then deletes expired records. So a usual
-- heartbeat is a few commands.
local function namesIn(record)
  return tonumber(string.sub(record, 15, 19))
end

local before = redis.call('HGET', KEYS[1], ARGV[3])
if not before or namesIn(before) < namesIn(ARGV[4]) then
  local names = namesIn(ARGV[4])
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if all[i] ~= ARGV[3] then
      if tonumber(string.sub(all[i + 1], 1, 13)) <= tonumber(ARGV[1]) then
        redis.call('HDEL', KEYS[1], all[i])
      else
        names = names + namesIn(all[i + 1])
      end
    end
  end
  if names > tonumber(ARGV[2]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
-- The hash expires with its last record.
local lastsMs = tonumber(string.sub(ARGV[4], 1, 13)) - tonumber(ARGV[1])
if redis.call('PTTL', KEYS[1]) < lastsMs then redis.call('PEXPIRE', KEYS[1], lastsMs) end
return 1
