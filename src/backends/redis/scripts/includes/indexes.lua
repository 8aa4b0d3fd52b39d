-- Index members, all with score 0, ranged by bytes: kind | tenant | key | status | created | id.
-- `by[0]` is the index of all records, `by[n]` the one by key n; nil where the client saw no need for it.
local function member_of(record, key, id)
  return record[KIND] .. "|" .. record[TENANT] .. "|" .. key .. "|" .. record[STATUS]
    .. "|" .. pad(tonumber(record[CREATED])) .. "|" .. id
end

local function key_of(record, n)
  if n == 0 then
    return ""
  end
  local field = record[KEY_BASE + n]
  if field == "" then
    return nil
  end
  return field
end

-- Brings the indexes from `old` (nil: a new record) to `new` (nil: a deleted one).
local function move_indexes(by, id, old, new)
  local status_changed = not old or not new or old[STATUS] ~= new[STATUS]
  for n = 0, KEY_COUNT do
    local before = old and key_of(old, n)
    local after = new and key_of(new, n)
    if status_changed or before ~= after then
      if before then
        redis.call("ZREM", by[n], member_of(old, before, id))
      end
      if after then
        redis.call("ZADD", by[n], 0, member_of(new, after, id))
      end
    end
  end
end

-- When acquire-due may hand the record out: as long as a lease lasts, its end; else its due time. "" for never.
local function due_of(record)
  if record[LEASE_END] ~= "" then
    return record[LEASE_END]
  end
  return record[DUE]
end

-- Members of the due index, score 0: kind | due | id.
local function move_due(due_index, id, old, new)
  local before = old and due_of(old) or ""
  local after = new and due_of(new) or ""
  if before == after then
    return
  end
  if before ~= "" then
    redis.call("ZREM", due_index, old[KIND] .. "|" .. pad(tonumber(before)) .. "|" .. id)
  end
  if after ~= "" then
    redis.call("ZADD", due_index, 0, new[KIND] .. "|" .. pad(tonumber(after)) .. "|" .. id)
  end
end
