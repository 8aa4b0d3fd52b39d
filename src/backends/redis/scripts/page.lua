-- One shard's part of a page (RecordStore.page), the statuses merged.
--
-- KEYS  1 records, 2 the index
-- ARGV  1 order     "oldest" or "newest"
--       2 limit
--       3 after     created (13 digits) | id of the last record already shown, or ""
--       4 slot      three hex digits, or "" for every slot of the shard
--       5 prefix    kind | tenant | key (name=value, or empty)
--       6… statuses, each once
-- Returns "created|id", packed record, "created|id", packed record, …; "" for a record that is gone.
-- Events  none.

local oldest = ARGV[1] == "oldest"
local limit, after, slot = tonumber(ARGV[2]), ARGV[3], ARGV[4]

-- Up to `limit` texts "created|id" of one status, beyond `after`.
local function suffixes(status)
  local start = ARGV[5] .. "|" .. status
  -- "}" follows "|": the range is everything that begins with start and "|".
  local low, high = "[" .. start .. "|", "(" .. start .. "}"
  if after ~= "" then
    if oldest then low = "(" .. start .. "|" .. after else high = "(" .. start .. "|" .. after end
  end
  local found = {}
  while true do
    local members
    if oldest then
      members = redis.call("ZRANGEBYLEX", KEYS[2], low, high, "LIMIT", 0, limit)
    else
      members = redis.call("ZREVRANGEBYLEX", KEYS[2], high, low, "LIMIT", 0, limit)
    end
    for _, member in ipairs(members) do
      local suffix = string.sub(member, #start + 2)
      if slot == "" or string.match(suffix, "_(%x%x%x)%x*$") == slot then
        found[#found + 1] = suffix
        if #found == limit then
          return found
        end
      end
    end
    if slot == "" or #members < limit then
      return found
    end
    if oldest then low = "(" .. members[#members] else high = "(" .. members[#members] end
  end
end

local all = {}
for n = 6, #ARGV do
  for _, suffix in ipairs(suffixes(ARGV[n])) do
    all[#all + 1] = suffix
  end
end
if #all == 0 then
  return {}
end
if #ARGV > 6 then
  table.sort(all, oldest and function(a, b) return a < b end or function(a, b) return a > b end)
end
local ids = {}
for n = 1, math.min(limit, #all) do
  ids[n] = string.sub(all[n], 15)
end
local packed = redis.call("HMGET", KEYS[1], unpack(ids))
local reply = {}
for n = 1, #ids do
  reply[#reply + 1] = all[n]
  reply[#reply + 1] = packed[n] or ""
end
return reply
