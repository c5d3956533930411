-- Sends the parts of a file, again and again. A part holds the requests that go out at once, ready as bytes: nothing is
-- drawn or built while wrk measures. All connections take from the same sequence.
local parts, count, at = {}, 0, 0

function init(args)
  local file = assert(io.open(args[1], 'rb'))
  for part in file:read('*a'):gmatch('[^%z]+') do
    count = count + 1
    parts[count] = part
  end
  file:close()
end

function request()
  at = at % count + 1
  return parts[at]
end

-- One line that a program can read, after the text for people.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
