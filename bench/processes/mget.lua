-- Reads as many keys with each request as the first argument says.
function init(args)
  local keys = {}
  for i = 0, tonumber(args[1]) - 1 do keys[#keys + 1] = '"bench:' .. i .. '"' end
  wrk.method = 'POST'
  wrk.body = '{"keys":[' .. table.concat(keys, ',') .. ']}'
  wrk.headers['Content-Type'] = 'application/json'
end
