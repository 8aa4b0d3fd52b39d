-- A part of a page (RecordStore.page): of one shard, or of several whose keys are in one place; the statuses merged.
--
-- KEYS  of each shard: its records, its index
-- ARGV  1 order     "oldest" or "newest"
--       2 limit
--       3 after     created (13 digits) | short id of the last record already shown, or ""
--       4 slot      three hex digits, or "" for every slot of the shards
--       5… how members begin, each once: kind | tenant | key | status, where key is letters=value, or empty
-- Returns "created|short id", packed record, "created|short id", packed record, …; "" for a record that is gone.
-- Events  none.

--- @include record
--- @include indexes

-- A source is what one index has of one beginning. So few are each asked for a whole page: it costs no more.
local FEW = 16
-- Positions of ids without a prefix are this long.
local PLAIN = 46

local oldest = ARGV[1] == "oldest"
local limit, after, slot = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local kind = string.match(ARGV[5], "^[^|]*")
local command = oldest and "ZRANGEBYLEX" or "ZREVRANGEBYLEX"
local sources = {}
for n = 5, #ARGV do
  local start = ARGV[n] .. "|"
  -- "}" follows "|": the range is everything that begins with start.
  local low, high = "[" .. start, "(" .. ARGV[n] .. "}"
  if after ~= "" then
    if oldest then low = "(" .. start .. after else high = "(" .. start .. after end
  end
  for k = 1, #KEYS, 2 do
    sources[#sources + 1] =
      { records = KEYS[k], index = KEYS[k + 1], low = low, high = high, from = #start + 1, given = 0, open = true }
  end
end

-- Positions "created|short id", how many sources gave some, and the records that each position is of.
local found, givers, home = {}, 0, {}
local one_shard = #KEYS == 2
local plain = true

-- Finds up to `count` more of a source.
local function take(source, count)
  local left, from, before = count, source.from, #found
  repeat
    local first, last = source.low, source.high
    if not oldest then first, last = last, first end
    local members = redis.call(command, source.index, first, last, "LIMIT", 0, count)
    source.open = #members == count
    for _, member in ipairs(members) do
      local position = string.sub(member, from)
      if slot == "" or string.sub(position, -32, -30) == slot then
        found[#found + 1] = position
        if not one_shard then home[position] = source.records end
        plain = plain and #position == PLAIN
        left = left - 1
      end
    end
    if source.open then
      local stop = "(" .. members[count]
      if oldest then source.low = stop else source.high = stop end
    end
  until left <= 0 or not source.open
  source.given = source.given + count - left
  source.last = found[#found]
  if #found > before then givers = givers + 1 end
end

-- By bytes. "<" asks for the server's locale, in which digits and letters have this order, and marks any.
local function precedes(a, b)
  if plain then return a < b end
  for n = 1, math.min(#a, #b) do
    local one, other = string.byte(a, n), string.byte(b, n)
    if one ~= other then return one < other end
  end
  return #a < #b
end

local function follows(a, b)
  return precedes(b, a)
end
local behind = oldest and precedes or follows

-- In the order of the page, each once: an entry that is stale may name what another one names.
local function in_order()
  if givers > 1 then
    if plain and oldest then table.sort(found) else table.sort(found, behind) end
    local each = {}
    for _, position in ipairs(found) do
      if position ~= each[#each] then each[#each + 1] = position end
    end
    found = each
  end
end

local share = #sources <= FEW and limit or math.ceil(limit / #sources) + 1
for _, source in ipairs(sources) do
  take(source, share)
end
-- Only a source that has given all it was asked for, none of it behind the page, may have more of the page.
while true do
  in_order()
  local bound, again = found[limit], {}
  for _, source in ipairs(sources) do
    if source.open and (not bound or behind(source.last, bound)) then
      again[#again + 1] = source
    end
  end
  if #again == 0 then break end
  for _, source in ipairs(again) do
    take(source, math.min(3 * source.given, limit))
  end
end

local groups, reply = {}, {}
for n = 1, math.min(limit, #found) do
  local position = found[n]
  local records = one_shard and KEYS[1] or home[position]
  local group = groups[records]
  if not group then
    group = { ids = {}, places = {} }
    groups[records] = group
  end
  group.ids[#group.ids + 1] = full_id(kind, string.sub(position, 15))
  group.places[#group.places + 1] = 2 * n
  reply[2 * n - 1], reply[2 * n] = position, ""
end
for records, group in pairs(groups) do
  for n, packed in ipairs(redis.call("HMGET", records, unpack(group.ids))) do
    reply[group.places[n]] = packed or ""
  end
end
return reply
