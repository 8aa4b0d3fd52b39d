-- Deletes old records of one shard with their index entries and histories (RecordStore.purge).
--
-- KEYS  1 records, 2 history, 3 index, 4 due
-- ARGV  1 kind, 2 statuses "|a|b|", 3 before (epoch ms), 4 limit, 5 budget (index entries looked at)
--       6 from      where an earlier call stopped, or ""
-- Returns how many were purged; where to go on, "" at the end; 1 if another record could have been purged.
-- Events  none.

--- @include record
--- @include indexes
--- @include history
--- @include delete

local records, history, index, due_index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local kind, statuses, before = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit, budget = tonumber(ARGV[4]), tonumber(ARGV[5])

local purged = 0
local from = ARGV[6] == "" and "[" .. kind .. "|" or ARGV[6]
while budget > 0 do
  local first = redis.call("ZRANGEBYLEX", index, from, "(" .. kind .. "}", "LIMIT", 0, 1)[1]
  if not first then
    return { purged, "", 0 }
  end
  budget = budget - 1
  local tenant, key, status = string.match(first, "^[^|]*|([^|]*)|([^|]*)|([^|]*)|")
  local group = kind .. "|" .. tenant .. "||" .. status
  -- A record is not updated before it is created: the rest of a group cannot be old enough.
  local stop = "(" .. group .. "|" .. pad(before)
  local batch = {}
  if key == "" and string.find(statuses, "|" .. status .. "|", 1, true) then
    batch = redis.call("ZRANGEBYLEX", index, from, stop, "LIMIT", 0, math.min(100, budget + 1))
  end
  for _, member in ipairs(batch) do
    local id = full_id(kind, string.sub(member, #group + 16))
    local packed = redis.call("HGET", records, id)
    local record = packed and unpack_record(packed)
    if not record then
      -- What the record has left behind.
      redis.call("ZREM", index, member)
    elseif tonumber(record[UPDATED] ~= "" and record[UPDATED] or record[CREATED]) < before then
      if purged == limit then
        return { purged, from, 1 }
      end
      delete_record(records, history, index, due_index, id, record)
      purged = purged + 1
    end
    budget = budget - 1
    from = "(" .. member
  end
  if #batch == 0 then
    -- "}" follows "|": straight to the next tenant or status. Members with a key come before those without.
    from = key == "" and "[" .. group .. "}" or "[" .. kind .. "|" .. tenant .. "||"
  end
end
return { purged, from, 0 }
