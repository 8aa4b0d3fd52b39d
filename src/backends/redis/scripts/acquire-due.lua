-- Leases up to `limit` due records of one shard (RecordStore.acquireDue).
--
-- KEYS  1 records, 2 due, 3 claim (string, short-lived: what this request acquired, for a re-sent call)
-- ARGV  1 now ("" for this server's time), 2 request, 3 channel, 4 limit, 5 kind, 6 owner, 7 lease ms
-- Returns for each record: its due time before (13 digits), id, packed record.
-- Events  one PUBLISH with a line "id|version|status" for each record leased.

--- @include record
--- @include indexes
--- @include requests
--- @include entries

-- How often to look further when entries were stale: the rest is for the next call.
local ROUNDS = 10
local request, kind, owner = ARGV[2], ARGV[5], ARGV[6]
local reply = {}

local claimed = redis.call("GET", KEYS[3])
if claimed then
  for due, id in string.gmatch(claimed, "(%d+)|([^\n]+)") do
    local packed = redis.call("HGET", KEYS[1], id)
    -- Only what this request still holds: its lease may have run out and gone to another.
    local record = packed and unpack_record(packed)
    if record and record[OWNER] == owner then
      reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = due, id, packed
    end
  end
  return reply
end

local now = time_now(ARGV[1])
local lease_end = text(now + tonumber(ARGV[7]))
local high = "(" .. kind .. "|" .. pad(now) .. "}"
local limit = tonumber(ARGV[4])
local hints, claims = {}, {}

-- Leases what up to `most` entries name, and removes entries that are stale. Returns how many were.
local function take(most)
  local stale = 0
  for _, member in ipairs(redis.call("ZRANGEBYLEX", KEYS[2], "[" .. kind .. "|", high, "LIMIT", 0, most)) do
    local due, id = string.sub(member, #kind + 2, #kind + 14), string.sub(member, #kind + 16)
    local packed = redis.call("HGET", KEYS[1], id)
    local record, header_end
    if packed then
      record, header_end = unpack_record(packed)
    end
    if not record or due_member_of(record, id) ~= member then
      redis.call("ZREM", KEYS[2], member)
      stale = stale + 1
    else
      local before = due_of(record)
      record[OWNER], record[LEASE_END] = owner, lease_end
      record[FENCE] = text(tonumber(record[FENCE]) + 1)
      record[VERSION] = text(tonumber(record[VERSION]) + 1)
      record[UPDATED] = text(now)
      remember(record, "u", request)
      move_due(KEYS[2], kind, id, before, lease_end)
      packed = header_of(record) .. string.sub(packed, header_end)
      redis.call("HSET", KEYS[1], id, packed)
      reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = due, id, packed
      hints[#hints + 1] = id .. "|" .. record[VERSION] .. "|" .. record[STATUS]
      claims[#claims + 1] = due .. "|" .. id
    end
  end
  return stale
end

for _ = 1, ROUNDS do
  if take(limit - #hints) == 0 or #hints == limit then
    break
  end
end
if #hints > 0 then
  redis.call("SET", KEYS[3], table.concat(claims, "\n"), "PX", 60000)
  redis.call("PUBLISH", ARGV[3], table.concat(hints, "\n"))
end
return reply
