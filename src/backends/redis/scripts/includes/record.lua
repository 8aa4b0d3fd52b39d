-- A stored record is one text: a header line of fields joined by "|", a line feed, and the JSON value.
-- The client has escaped "%", "|" and line feeds in every text field, so a field can be compared, stored and
-- put into an index member as it is. Nothing here reads or writes JSON.
local KIND, TENANT, STATUS, VERSION, CREATED, UPDATED, DUE = 2, 3, 4, 5, 6, 7, 8
local OWNER, LEASE_END, FENCE, TOUCHES, EVENTS, REQUESTS = 9, 10, 11, 12, 13, 14
-- Field KEY_BASE + n holds key n of KEY_NAMES (1 to 8): "" for none, else "=" and the value.
local KEY_BASE, KEY_COUNT = 14, 8
-- 22 fields, and the eight of the keys. Written out: a script would build them anew with each call.
local HEADER = "^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^\n]*)\n"
local KEY_FIELDS = "^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$"

-- Numbers stay texts; this is for the few that are computed. Lua's own tostring() keeps 14 digits only.
local function text(number)
  return string.format(number == math.floor(number) and "%.0f" or "%.17g", number)
end

-- Fixed width, so that texts sort like numbers. Clamped: an index position, never the stored value.
local function pad(number)
  return string.format("%016.0f", math.max(0, math.min(math.floor(number), 9007199254740991)))
end

local function unpack_record(packed)
  local record = { string.match(packed, HEADER) }
  if record[1] ~= "1" then
    error("HOLDPOINT_FORMAT a record is not in format 1")
  end
  return record
end

local function header_of(record)
  return table.concat(record, "|")
end

local function value_of(packed)
  return string.sub(packed, string.find(packed, "\n", 1, true) + 1)
end

-- Epoch ms: of the injected clock if the client has one, else of this server.
local function time_now(injected)
  if injected ~= "" then
    return tonumber(injected)
  end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
