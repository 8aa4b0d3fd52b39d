-- A stored record is one text of lines: a header of fields joined by "|", the JSON value, and the events that are not
-- in a full chunk yet (history.lua). The client has escaped "%", "|" and line feeds in every text field, so a field
-- can be compared, stored and put into an index member as it is. Nothing here reads or writes JSON.
--
-- The fields that a new record gets from the server's clock come first: the client sends the rest as one text.
local CREATED, UPDATED, LEASE_END, STATUS, VERSION, DUE, OWNER = 2, 3, 4, 5, 6, 7, 8
-- UPDATED is empty while it is the time of creation. KEYS_FIELD holds the keys that the record has, "letters=value" joined
-- by "|": a letter for each name (fields.ts), several for names that had the same value from the start.
local FENCE, TOUCHES, EVENTS, REQUESTS, KIND, TENANT, KEYS_FIELD = 9, 10, 11, 12, 13, 14, 15
-- Written out: a script would build it anew with each call.
local HEADER = "^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^\n]*)()"
-- Where the header ends; not a field.
local HEADER_END = 16

-- Numbers stay texts; this is for the few that are computed. Lua's own tostring() keeps 14 digits only.
local function text(number)
  return string.format(number == math.floor(number) and "%.0f" or "%.17g", number)
end

-- 13 digits, so that texts sort like numbers until the year 2286. Clamped: an index position, never the stored value.
local function pad(number)
  return string.format("%013.0f", math.max(0, math.min(math.floor(number), 9999999999999)))
end

-- The position of the header's end stays outside of the fields, which table.concat joins.
local function unpack_record(packed)
  local record = { string.match(packed, HEADER) }
  if record[1] ~= "1" then
    error("HOLDPOINT_FORMAT a record is not in format 1")
  end
  local header_end = record[HEADER_END]
  record[HEADER_END] = nil
  return record, header_end
end

local function header_of(record)
  return table.concat(record, "|")
end

-- Epoch ms: of the injected clock if the client has one, else of this server.
local function time_now(injected)
  if injected ~= "" then
    return tonumber(injected)
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
