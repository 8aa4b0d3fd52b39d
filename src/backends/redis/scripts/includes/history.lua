-- Events of a record are lines "at|version|status|request|json" in chunks of eight: field `id` holds the first
-- chunk, `id/1` the next. A chunk costs one hash entry for eight events, and an append rewrites at most one.
local CHUNK = 8

local function chunk_field(id, chunk)
  return chunk == 0 and id or id .. "/" .. chunk
end

-- The caller writes the record afterwards: the count of its events is in its header.
local function add_event(history, id, record, event, now, request)
  local count = tonumber(record[EVENTS])
  local field = chunk_field(id, math.floor(count / CHUNK))
  local line = now .. "|" .. record[VERSION] .. "|" .. record[STATUS] .. "|" .. request .. "|" .. event
  if count % CHUNK > 0 then
    -- Events that are lost leave their lines empty, so that the numbers of the others stay.
    line = (redis.call("HGET", history, field) or string.rep("\n", count % CHUNK - 1)) .. "\n" .. line
  end
  redis.call("HSET", history, field, line)
  record[EVENTS] = text(count + 1)
end
