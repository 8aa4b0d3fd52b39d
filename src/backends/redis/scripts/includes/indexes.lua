-- Index members, all with score 0, ranged by bytes: kind | tenant | key | status | created | id.
-- `by[0]` is the index of all records, `by[n]` the one by key n; nil where the client saw no need for it.
-- All members of one record differ in the key alone.
local function ends_of_members(record, id)
  return record[KIND] .. "|" .. record[TENANT] .. "|",
    "|" .. record[STATUS] .. "|" .. pad(tonumber(record[CREATED])) .. "|" .. id
end

local function insert_indexes(by, id, record)
  local head, tail = ends_of_members(record, id)
  redis.call("ZADD", by[0], 0, head .. tail)
  for n = 1, KEY_COUNT do
    local key = record[KEY_BASE + n]
    if key ~= "" then
      redis.call("ZADD", by[n], 0, head .. key .. tail)
    end
  end
end

local function delete_indexes(by, id, record)
  local head, tail = ends_of_members(record, id)
  redis.call("ZREM", by[0], head .. tail)
  for n = 1, KEY_COUNT do
    local key = record[KEY_BASE + n]
    if key ~= "" then
      redis.call("ZREM", by[n], head .. key .. tail)
    end
  end
end

-- From `old` to `new`, of which kind, tenant and time of creation are the same.
local function move_indexes(by, id, old, new)
  local head, old_tail = ends_of_members(old, id)
  local _, new_tail = ends_of_members(new, id)
  local moved = old_tail ~= new_tail
  if moved then
    redis.call("ZREM", by[0], head .. old_tail)
    redis.call("ZADD", by[0], 0, head .. new_tail)
  end
  for n = 1, KEY_COUNT do
    local before, after = old[KEY_BASE + n], new[KEY_BASE + n]
    if moved or before ~= after then
      if before ~= "" then
        redis.call("ZREM", by[n], head .. before .. old_tail)
      end
      if after ~= "" then
        redis.call("ZADD", by[n], 0, head .. after .. new_tail)
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
