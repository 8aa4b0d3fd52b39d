-- Removes entries of the index that do not fit their records: a page has met them.
--
-- KEYS  1 records, 2 index
-- ARGV  members: kind | tenant | key | status | created | short id
-- Returns how many were removed.
-- Events  none.

--- @include record
--- @include indexes
--- @include entries

local removed = 0
for _, member in ipairs(ARGV) do
  local id = id_of(member)
  if not is_member(redis.call("HGET", KEYS[1], id), id, member) then
    removed = removed + redis.call("ZREM", KEYS[2], member)
  end
end
return removed
