-- Appends an event without a new version (RecordStore.append).
--
-- KEYS  1 records, 2 history
-- ARGV  1 now ("" for this server's time), 2 request, 3 id, 4 event
-- Returns 1, or 0 if there is no such record.
-- Events  none.

--- @include record
--- @include history

local id, request = ARGV[3], ARGV[2]
local packed = redis.call("HGET", KEYS[1], id)
if not packed then
  return 0
end
local record = unpack_record(packed)
-- A re-sent append finds itself in one of the last two chunks, unless sixteen others came in between.
local last = math.floor(math.max(0, tonumber(record[EVENTS]) - 1) / CHUNK)
local recent = redis.call("HMGET", KEYS[2], chunk_field(id, last), chunk_field(id, math.max(0, last - 1)))
for n = 1, 2 do
  if recent[n] and string.find(recent[n], "|" .. request .. "|", 1, true) then
    return 1
  end
end
add_event(KEYS[2], id, record, ARGV[4], text(time_now(ARGV[1])), request)
redis.call("HSET", KEYS[1], id, header_of(record) .. "\n" .. value_of(packed))
return 1
