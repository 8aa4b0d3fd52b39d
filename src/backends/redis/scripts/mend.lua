-- Removes entries of one index that do not fit their records: a page has met them.
--
-- KEYS  1 records, 2 the index
-- ARGV  1 which index: 0 all, else the position in KEY_NAMES
--       2… members: kind | tenant | key | status | created | id
-- Returns how many were removed.
-- Events  none.

--- @include record
--- @include indexes
--- @include entries

local which = tonumber(ARGV[1])
local removed = 0
for n = 2, #ARGV do
  local member = ARGV[n]
  local id = string.match(member, "([^|]*)$")
  local packed = redis.call("HGET", KEYS[1], id)
  if not packed or member_of(unpack_record(packed), id, which) ~= member then
    removed = removed + redis.call("ZREM", KEYS[2], member)
  end
end
return removed
