-- Deletes the records of one shard that are still as they were read (RecordStore.remove).
--
-- KEYS  1 records, 2 history, 3 index, 4 due
-- ARGV  for each record: id, version, created
-- Returns how many were deleted. Sent twice it finds nothing to delete: a record that was made anew has another time of
-- creation.
-- Events  none.

--- @include record
--- @include indexes
--- @include history
--- @include delete

local removed = 0
for n = 1, #ARGV, 3 do
  local id = ARGV[n]
  local packed = redis.call("HGET", KEYS[1], id)
  local record = packed and unpack_record(packed)
  if
    record
    and tonumber(record[VERSION]) == tonumber(ARGV[n + 1])
    and tonumber(record[CREATED]) == tonumber(ARGV[n + 2])
  then
    delete_record(KEYS[1], KEYS[2], KEYS[3], KEYS[4], id, record)
    removed = removed + 1
  end
end
return removed
