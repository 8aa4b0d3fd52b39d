-- Members of the index, all with score 0, ranged by bytes: kind | tenant | key | status | created | id, where key is
-- "letters=value" as in the header, or empty in the member that every record has, and the id is short: see below. All
-- members of one record differ in the key alone.
-- They are gathered, to be written by one command each way: unpack() has room for some thousand values.
local BATCH = 2000

local function write_all(command, key, values)
  for from = 1, #values, BATCH do
    redis.call(command, key, unpack(values, from, math.min(from + BATCH - 1, #values)))
  end
end

-- The place of a time, given as text, in an index.
local function place_of(time)
  if #time == 13 and not string.find(time, "%D") then
    return time
  end
  return pad(tonumber(time))
end

-- fields.ts: without the prefix if that is the kind; else behind a mark that keeps the order of whole ids.
local function short_id(kind, id)
  local own = kind .. "_"
  if string.sub(id, 1, #own) == own then
    return string.sub(id, #own + 1)
  end
  for n = 1, #own do
    -- By bytes: "<" between texts would ask for the server's locale.
    local mine, theirs = string.byte(id, n) or 0, string.byte(own, n)
    if mine ~= theirs then
      return (mine < theirs and "!" or "~") .. id
    end
  end
end

local function full_id(kind, short)
  local mark = string.byte(short)
  if mark == 33 or mark == 126 then
    return string.sub(short, 2)
  end
  return kind .. "_" .. short
end

-- Of a member of the index.
local function id_of(member)
  return full_id(string.match(member, "^[^|]*"), string.match(member, "[^|]*$"))
end

local function head_of(record)
  return record[KIND] .. "|" .. record[TENANT] .. "|"
end

local function tail_of(record, status, id)
  return "|" .. status .. "|" .. place_of(record[CREATED]) .. "|" .. short_id(record[KIND], id)
end

-- For ZADD: a score goes before each.
local function add_members(added, head, keys, tail)
  local n = #added
  added[n + 1], added[n + 2] = 0, head .. tail
  n = n + 2
  for key in string.gmatch(keys, "[^|]+") do
    added[n + 1], added[n + 2] = 0, head .. key .. tail
    n = n + 2
  end
end

local function remove_members(removed, head, keys, tail)
  removed[#removed + 1] = head .. tail
  for key in string.gmatch(keys, "[^|]+") do
    removed[#removed + 1] = head .. key .. tail
  end
end

local function delete_indexes(removed, id, record)
  remove_members(removed, head_of(record), record[KEYS_FIELD], tail_of(record, record[STATUS], id))
end

-- From the status and keys that the record had.
local function move_indexes(added, removed, id, record, status, keys)
  local head, new_keys = head_of(record), record[KEYS_FIELD]
  local tail = tail_of(record, status, id)
  if record[STATUS] ~= status then
    remove_members(removed, head, keys, tail)
    add_members(added, head, new_keys, tail_of(record, record[STATUS], id))
    return
  end
  local before, after = "|" .. keys .. "|", "|" .. new_keys .. "|"
  for key in string.gmatch(keys, "[^|]+") do
    if not string.find(after, "|" .. key .. "|", 1, true) then
      removed[#removed + 1] = head .. key .. tail
    end
  end
  for key in string.gmatch(new_keys, "[^|]+") do
    if not string.find(before, "|" .. key .. "|", 1, true) then
      added[#added + 1] = 0
      added[#added + 1] = head .. key .. tail
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

local function due_member(kind, due, id)
  return kind .. "|" .. place_of(due) .. "|" .. id
end

-- Members of the due index, score 0: kind | due | id. `before` and `after` as by due_of().
local function move_due(due_index, kind, id, before, after)
  if before == after then
    return
  end
  if before ~= "" then
    redis.call("ZREM", due_index, due_member(kind, before, id))
  end
  if after ~= "" then
    redis.call("ZADD", due_index, 0, due_member(kind, after, id))
  end
end
