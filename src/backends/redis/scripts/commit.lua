-- Does all operations of one commit, or none (RecordStore.commit).
--
-- KEYS  1 records   hash: id → packed record
--       2 history   hash: id or id/n → lines of events
--       3 due       zset of kind|due|id
--       4… the indexes named by ARGV[4], in its order
-- ARGV  1 now       epoch ms of an injected clock, "" for this server's time
--       2 request   the commit's random id (S4)
--       3 channel   for change hints
--       4 names     one digit for each index key: 0 all, n the nth of KEY_NAMES
--       5 operations, each a letter and its fields, each of them ended by a line feed (fewer arguments are less work
--         for both sides):
--         i id flags kind tenant status due owner lease-ms event keys
--           flags: a abort if it exists, t touch; due, lease-ms, event: "" for none; keys: eight fields
--         u id flags statuses version fence touches tests status keys due lease owner event
--           flags: o optional, t touch, v brings a value; statuses "|a|b|"; tests: f lease free, n not due, d due;
--           status "=x"; keys: eight fields, each "" unchanged, "-" removed, "=x";
--           due: "-" null, "=at", "+ms"; lease: "-" release, "~ms" renew, "=ms" take; "" everywhere: not named
--         r id
--       6… the values, in the order of the operations that bring one: each i, and each u with the flag v
-- Returns "c" (committed) or "x" (refused), now, then one text for each operation: a letter and the record.
--         i inserted (no record: the client knows it, unless the commit was replayed), u updated (without
--         the value if the commit brought it), e exists, s stale, m missing, r read, k skipped.
-- Events  one PUBLISH with a line "id|version|status" for each record written.

--- @include record
--- @include indexes
--- @include requests
--- @include history

local records, history, due_index = KEYS[1], KEYS[2], KEYS[3]
local request, channel = ARGV[2], ARGV[3]
local now = time_now(ARGV[1])
local now_text = text(now)
local by = {}
for i = 1, #ARGV[4] do
  by[string.byte(ARGV[4], i) - 48] = KEYS[3 + i]
end

local packed = {} -- id → text, false if there is none; kept up to date by the writes below
local function load(id)
  if packed[id] == nil then
    packed[id] = redis.call("HGET", records, id)
  end
  return packed[id]
end

local function lease_free(record)
  return record[LEASE_END] == "" or tonumber(record[LEASE_END]) <= now
end

local function guard_holds(record, fields)
  local statuses, version, fence, touches, tests = fields[3], fields[4], fields[5], fields[6], fields[7]
  if statuses ~= "" and not string.find(statuses, "|" .. record[STATUS] .. "|", 1, true) then return false end
  if version ~= "" and version ~= record[VERSION] then return false end
  if fence ~= "" and (fence ~= record[FENCE] or lease_free(record)) then return false end
  if touches ~= "" and touches ~= record[TOUCHES] then return false end
  if tests == "" then return true end
  if string.find(tests, "f", 1, true) and not lease_free(record) then return false end
  local is_due = record[DUE] ~= "" and tonumber(record[DUE]) <= now
  if string.find(tests, "n", 1, true) and is_due then return false end
  if string.find(tests, "d", 1, true) and not is_due then return false end
  return true
end

-- The record after the update with these fields.
local function patched(old, fields)
  local record = {}
  for n = 1, #old do
    record[n] = old[n]
  end
  local status, keys, due, lease = fields[8], fields[9], fields[10], fields[11]
  if status ~= "" then
    record[STATUS] = string.sub(status, 2)
  end
  if keys ~= "" then
    for n, change in ipairs({ string.match(keys, KEY_FIELDS) }) do
      if change ~= "" then
        record[KEY_BASE + n] = change == "-" and "" or change
      end
    end
  end
  if due ~= "" then
    local how, amount = string.sub(due, 1, 1), string.sub(due, 2)
    record[DUE] = how == "+" and text(now + tonumber(amount)) or amount
  end
  if lease ~= "" then
    local how, duration = string.sub(lease, 1, 1), tonumber(string.sub(lease, 2))
    if how == "-" then
      record[OWNER], record[LEASE_END] = "", ""
    elseif how == "=" then
      record[OWNER], record[LEASE_END] = fields[12], text(now + duration)
      record[FENCE] = text(tonumber(record[FENCE]) + 1)
    elseif record[LEASE_END] ~= "" then
      record[LEASE_END] = text(now + duration)
    end
  end
  record[VERSION] = text(tonumber(record[VERSION]) + 1)
  record[UPDATED] = now_text
  return record
end

-- Plan: nothing is written before every operation was judged.
-- The fields of each operation after its letter, and the position behind them.
local FIELDS = {
  i = "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n()",
  u = "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n()",
  r = "^([^\n]*)\n()",
}
local operations = ARGV[5]
local plan = {}
local refused, replayed = false, false
local at, next_value = 1, 6
while at <= #operations do
  local op = string.sub(operations, at, at)
  local fields = { string.match(operations, FIELDS[op], at + 2) }
  at = fields[#fields]
  local id = fields[1]
  local step = { op = op, id = id, fields = fields }
  if op == "i" or op == "u" and string.find(fields[2], "v", 1, true) then
    step.value = ARGV[next_value]
    next_value = next_value + 1
  end
  local found = load(id)
  if op == "r" then
    step.code = "r"
  else
    local old = found and unpack_record(found)
    step.old = old
    step.done = old and done_by(old, request)
    replayed = replayed or step.done ~= nil and step.done ~= false
    local flags = fields[2]
    if op == "i" then
      step.code = old and "e" or "i"
      step.refuses = old and string.find(flags, "a", 1, true)
    elseif old and guard_holds(old, fields) then
      step.code = "u"
    else
      step.code = old and "s" or "m"
      step.refuses = not string.find(flags, "o", 1, true)
    end
    refused = refused or step.refuses
    step.touch = old and step.code ~= "u" and string.find(flags, "t", 1, true)
  end
  plan[#plan + 1] = step
end

local reply = { "c", now_text }

-- S4: this commit was done before. Answer from what it left, write nothing.
if replayed then
  for _, step in ipairs(plan) do
    local code = "r"
    if step.op == "i" then
      code = step.done == "i" and "i" or "e"
    elseif step.op == "u" then
      code = step.done == "u" and "u" or step.old and "s" or "m"
    end
    reply[#reply + 1] = code .. (packed[step.id] or "")
  end
  return reply
end

if refused then
  reply[1] = "x"
  for _, step in ipairs(plan) do
    local code = (step.code == "i" or step.code == "u") and "k" or step.code
    reply[#reply + 1] = code .. (packed[step.id] or "")
  end
  return reply
end

local hints = {}
for _, step in ipairs(plan) do
  local id, fields = step.id, step.fields
  if step.code == "i" then
    local leased = fields[8] ~= ""
    local record = {
      "1", fields[3], fields[4], fields[5], "1", now_text, now_text, fields[6],
      fields[7], leased and text(now + tonumber(fields[8])) or "", leased and "1" or "0", "0", "0",
      "i" .. request .. ",", string.match(fields[10], KEY_FIELDS),
    }
    insert_indexes(by, id, record)
    move_due(due_index, id, nil, record)
    if fields[9] ~= "" then
      add_event(history, id, record, fields[9], now_text, "")
    end
    packed[id] = header_of(record) .. "\n" .. step.value
    redis.call("HSET", records, id, packed[id])
    hints[#hints + 1] = id .. "|1|" .. record[STATUS]
  elseif step.code == "u" then
    local record = patched(step.old, fields)
    if fields[8] ~= "" or fields[9] ~= "" then
      move_indexes(by, id, step.old, record)
    end
    move_due(due_index, id, step.old, record)
    if fields[13] ~= "" then
      add_event(history, id, record, fields[13], now_text, "")
    end
    remember(record, "u", request)
    step.header = header_of(record)
    packed[id] = step.header .. "\n" .. (step.value or value_of(packed[id]))
    redis.call("HSET", records, id, packed[id])
    hints[#hints + 1] = id .. "|" .. record[VERSION] .. "|" .. record[STATUS]
  elseif step.touch then
    local record = step.old
    record[TOUCHES] = text(tonumber(record[TOUCHES]) + 1)
    remember(record, "t", request)
    packed[id] = header_of(record) .. "\n" .. value_of(packed[id])
    redis.call("HSET", records, id, packed[id])
  end
end
if #hints > 0 then
  redis.call("PUBLISH", channel, table.concat(hints, "\n"))
end

for _, step in ipairs(plan) do
  local payload = packed[step.id] or ""
  if step.code == "i" then
    payload = ""
  elseif step.code == "u" and step.value then
    payload = step.header .. "\n"
  end
  reply[#reply + 1] = step.code .. payload
end
return reply
