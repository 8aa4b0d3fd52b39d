-- Events are lines "at|version|status|request|json"; an empty `at` is the time of the record's creation. The last ones,
-- up to eight, follow the value in the record itself: most records never have more, and need no entry of their own.
-- When a ninth comes, the eight become a chunk: field `id/0` of the history holds the first eight, `id/1` the next.
local CHUNK = 8

local function chunk_field(id, chunk)
  return id .. "/" .. chunk
end

-- How many chunks a record has beside it.
local function chunks_of(record)
  return math.floor(math.max(0, tonumber(record[EVENTS]) - 1) / CHUNK)
end

-- The value and the events of a packed record whose header ends before `at`; each line begins with a line feed.
local function split_lines(packed, at)
  local stop = string.find(packed, "\n", at + 1, true)
  if stop then
    return string.sub(packed, at, stop - 1), string.sub(packed, stop)
  end
  return string.sub(packed, at), ""
end

-- `lines` (what follows the header) with one event more. The caller writes the record afterwards: the count of its
-- events is in its header.
local function add_event(history, id, record, lines, event, now, request)
  local count = tonumber(record[EVENTS])
  record[EVENTS] = text(count + 1)
  local line = "\n" .. now .. "|" .. record[VERSION] .. "|" .. record[STATUS] .. "|" .. request .. "|" .. event
  if count == 0 or count % CHUNK > 0 then
    return lines .. line
  end
  local value, events = split_lines(lines, 1)
  redis.call("HSET", history, chunk_field(id, count / CHUNK - 1), string.sub(events, 2))
  return value .. line
end
