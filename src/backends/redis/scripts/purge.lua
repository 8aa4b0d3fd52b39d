-- Deletes old records of one shard with their index entries and histories (RecordStore.purge).
--
-- KEYS  1 records, 2 history, 3 due, 4 all, 5 to 12 the indexes by KEY_NAMES
-- ARGV  1 kind, 2 statuses "|a|b|", 3 before (epoch ms), 4 limit, 5 budget (index entries looked at)
--       6 from      where an earlier call stopped, or ""
-- Returns how many were purged; where to go on, "" at the end; 1 if another record could have been purged.
-- Events  none.

--- @include record
--- @include indexes
--- @include history

local records, history, all = KEYS[1], KEYS[2], KEYS[4]
local kind, statuses, before = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit, budget = tonumber(ARGV[4]), tonumber(ARGV[5])
local by = {}
for n = 0, KEY_COUNT do
  by[n] = KEYS[4 + n]
end

local function delete(id, record)
  delete_indexes(by, id, record)
  move_due(KEYS[3], id, record, nil)
  for chunk = 0, math.floor(math.max(0, tonumber(record[EVENTS]) - 1) / CHUNK) do
    redis.call("HDEL", history, chunk_field(id, chunk))
  end
  redis.call("HDEL", records, id)
end

local purged = 0
local from = ARGV[6] == "" and "[" .. kind .. "|" or ARGV[6]
while budget > 0 do
  local first = redis.call("ZRANGEBYLEX", all, from, "(" .. kind .. "}", "LIMIT", 0, 1)[1]
  if not first then
    return { purged, "", 0 }
  end
  budget = budget - 1
  local group, status = string.match(first, "^([^|]*|[^|]*||([^|]*))|")
  -- A record is not updated before it is created: the rest of a group cannot be old enough.
  local stop = "(" .. group .. "|" .. pad(before)
  local batch = {}
  if string.find(statuses, "|" .. status .. "|", 1, true) then
    batch = redis.call("ZRANGEBYLEX", all, from, stop, "LIMIT", 0, math.min(100, budget + 1))
  end
  for _, member in ipairs(batch) do
    local id = string.sub(member, #group + 19)
    local packed = redis.call("HGET", records, id)
    local record = packed and unpack_record(packed)
    if not record then
      -- What the record has left behind.
      redis.call("ZREM", all, member)
    elseif tonumber(record[UPDATED]) < before then
      if purged == limit then
        return { purged, from, 1 }
      end
      delete(id, record)
      purged = purged + 1
    end
    budget = budget - 1
    from = "(" .. member
  end
  if #batch == 0 then
    -- "}" follows "|": straight to the next tenant or status.
    from = "[" .. group .. "}"
  end
end
return { purged, from, 0 }
