-- The due times of one shard, oldest first, so that the client can divide a limit among the shards.
--
-- KEYS  1 due
-- ARGV  1 now ("" for this server's time), 2 limit, 3 kind
-- Returns texts of 13 digits.
-- Events  none.

--- @include record

local high = "(" .. ARGV[3] .. "|" .. pad(time_now(ARGV[1])) .. "}"
local times = {}
for n, member in ipairs(redis.call("ZRANGEBYLEX", KEYS[1], "[" .. ARGV[3] .. "|", high, "LIMIT", 0, ARGV[2])) do
  times[n] = string.sub(member, #ARGV[3] + 2, #ARGV[3] + 14)
end
return times
