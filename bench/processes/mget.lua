-- Reads a hundred keys with each request.
local keys = {}
for i = 0, 99 do keys[#keys + 1] = '"bench:' .. i .. '"' end
wrk.method = 'POST'
wrk.body = '{"keys":[' .. table.concat(keys, ',') .. ']}'
wrk.headers['Content-Type'] = 'application/json'
