-- Compares the records of one shard with its indexes, due times and histories, and mends these by the records.
--
-- KEYS  1 records, 2 history, 3 index, 4 due
-- ARGV  1 part      which of KEYS to go through, in this order
--       2 from      where in it an earlier call stopped: a cursor of HSCAN, or a member; "" for the beginning
--       3 budget    how many entries to look at; the last step may take it a little further
-- Returns part, from ("" and part 0 at the end); then how many entries: looked at, stale ones removed from an index,
--         missing ones added to an index, fields of the history removed because their record is gone, and
--         records that have lost events.
-- Events  none.

--- @include record
--- @include indexes
--- @include history
--- @include entries

local STEP = 50
local part, from, budget = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local looked, stale, missing, orphaned, lost = 0, 0, 0, 0, 0

local function check_record(id, packed)
  local record = unpack_record(packed)
  for _, member in ipairs(members_of(record, id)) do
    missing = missing + redis.call("ZADD", KEYS[3], 0, member)
  end
  local due = due_member_of(record, id)
  if due then
    missing = missing + redis.call("ZADD", KEYS[4], 0, due)
  end
  for chunk = 0, chunks_of(record) - 1 do
    if redis.call("HEXISTS", KEYS[2], chunk_field(id, chunk)) == 0 then
      lost = lost + 1
      return
    end
  end
end

local function check_events(field)
  if redis.call("HEXISTS", KEYS[1], (string.gsub(field, "/%d+$", ""))) == 0 then
    orphaned = orphaned + redis.call("HDEL", KEYS[2], field)
  end
end

local function check_member(member)
  local id = part == 3 and id_of(member) or string.match(member, "[^|]*$")
  local packed = redis.call("HGET", KEYS[1], id)
  local right
  if part == 3 then
    right = is_member(packed, id, member)
  else
    right = packed and due_member_of(unpack_record(packed), id) == member
  end
  if not right then
    stale = stale + redis.call("ZREM", KEYS[part], member)
  end
end

while part <= 4 and looked < budget do
  local at_end
  if part <= 2 then
    local scan = redis.call("HSCAN", KEYS[part], from == "" and "0" or from, "COUNT", STEP)
    local found = scan[2]
    for n = 1, #found, 2 do
      looked = looked + 1
      if part == 1 then check_record(found[n], found[n + 1]) else check_events(found[n]) end
    end
    from, at_end = scan[1], scan[1] == "0"
  else
    local members = redis.call("ZRANGEBYLEX", KEYS[part], from == "" and "-" or "(" .. from, "+", "LIMIT", 0, STEP)
    for _, member in ipairs(members) do
      looked = looked + 1
      check_member(member)
      from = member
    end
    at_end = #members < STEP
  end
  if at_end then
    part, from = part + 1, ""
  end
end
if part > 4 then
  part, from = 0, ""
end
return { part, from, looked, stale, missing, orphaned, lost }
