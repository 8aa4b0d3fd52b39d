-- Appends an event without a new version (RecordStore.append).
--
-- KEYS  1 records, 2 history
-- ARGV  1 now ("" for this server's time), 2 request, 3 id, 4 event
-- Returns 1, or 0 if there is no such record.
-- Events  none.

--- @include record
--- @include requests
--- @include history

local id, request = ARGV[3], ARGV[2]
local packed = redis.call("HGET", KEYS[1], id)
if not packed then
  return 0
end
local record, header_end = unpack_record(packed)
if done_by(record, request) then
  return 1
end
remember(record, "t", request)
local lines = string.sub(packed, header_end)
lines = add_event(KEYS[2], id, record, lines, ARGV[4], text(time_now(ARGV[1])), request)
redis.call("HSET", KEYS[1], id, header_of(record) .. lines)
return 1
