-- Does all operations of one commit, or none (RecordStore.commit).
--
-- KEYS  1 records   hash: id → packed record
--       2 history   hash: id/n → a full chunk of events
--       3 index     zset of kind|tenant|key|status|created|short id
--       4 due       zset of kind|due|id
-- ARGV  1 now       epoch ms of an injected clock, "" for this server's time
--       2 request   the commit's random id (S4)
--       3 channel   for change hints
--       4 operations, each a letter and its fields, each of them ended by a line feed (fewer arguments are less work
--         for both sides):
--         i id flags lease-ms due head status keys
--           flags: a abort if it exists, t touch; lease-ms, due: "" for none; head: kind|tenant|; keys: letters=value|…
--         u id flags statuses version fence touches tests status keys due lease owner event
--           flags: o optional, t touch, v brings a value; statuses "|a|b|"; tests: f lease free, n not due, d due;
--           status "=x"; keys: of each that changes x=value, or -x; due: "-" null, "=at", "+ms"; lease:
--           "-" release, "~ms" renew, "=ms" take; "" everywhere: not named
--         r id
--       5… in the order of the operations: for each i the packed record from behind the end of its lease; for each u
--         with the flag v its value
-- Returns "c" (committed) or "x" (refused), now, then one text for each operation: a letter and the record.
--         i inserted (no record: the client knows it, unless the commit was replayed), u updated (the header
--         alone if the commit brought the value), e exists, s stale, m missing, r read, k skipped.
-- Events  one PUBLISH with a line "id|version|status" for each record written.

--- @include record
--- @include indexes
--- @include requests
--- @include history

local INSERT = "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n()"
local UPDATE = "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n()"
local READ = "^([^\n]*)\n()"

local records, history, index, due_index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local request, channel, operations = ARGV[2], ARGV[3], ARGV[4]
local now = time_now(ARGV[1])
local now_text = text(now)

local function lease_free(record)
  return record[LEASE_END] == "" or tonumber(record[LEASE_END]) <= now
end

local function guard_holds(record, statuses, version, fence, touches, tests)
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

local function patched_keys(keys, changes)
  local all = keys == "" and "|" or "|" .. keys .. "|"
  for change in string.gmatch(changes, "[^|]+") do
    local found = "|(%l*)" .. string.match(change, "%l") .. "(%l*)(=[^|]*)"
    -- The others that have the same value keep it.
    all = string.gsub(all, found, function(before, after, value)
      return before .. after == "" and "" or "|" .. before .. after .. value
    end, 1)
    if string.byte(change) ~= 45 then -- not "-x"
      all = all .. change .. "|"
    end
  end
  return string.sub(all, 2, -2)
end

-- Changes the record as an update with these fields says.
local function patch(record, status, keys, due, lease, owner)
  if status ~= "" then
    record[STATUS] = string.sub(status, 2)
  end
  if keys ~= "" then
    record[KEYS_FIELD] = patched_keys(record[KEYS_FIELD], keys)
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
      record[OWNER], record[LEASE_END] = owner, text(now + duration)
      record[FENCE] = text(tonumber(record[FENCE]) + 1)
    elseif record[LEASE_END] ~= "" then
      record[LEASE_END] = text(now + duration)
    end
  end
  record[VERSION] = text(tonumber(record[VERSION]) + 1)
  record[UPDATED] = now_text
end

-- What is asked.
local plan, ids = {}, {}
local at, next_value = 1, 5
while at <= #operations do
  local op = string.sub(operations, at, at)
  local step = { string.match(operations, op == "i" and INSERT or op == "u" and UPDATE or READ, at + 2) }
  at = step[#step]
  step.op = op
  if op == "i" or op == "u" and string.find(step[2], "v", 1, true) then
    step.value = ARGV[next_value]
    next_value = next_value + 1
  end
  plan[#plan + 1] = step
  ids[#ids + 1] = step[1]
end

-- What is there, and what becomes of it: nothing is written before every operation was judged.
local packed = {} -- id → text, false if there is none; kept up to date by the writes below
for from = 1, #ids, BATCH do
  local last = math.min(from + BATCH - 1, #ids)
  local found = redis.call("HMGET", records, unpack(ids, from, last))
  for n = from, last do
    packed[ids[n]] = found[n - from + 1]
  end
end
local refused, replayed = false, false
for n, step in ipairs(plan) do
  local found, op = packed[ids[n]], step.op
  if op == "r" then
    step.code = "r"
  elseif not found then
    step.code = op == "i" and "i" or "m"
    refused = refused or op == "u" and not string.find(step[2], "o", 1, true)
  else
    local old, header_end = unpack_record(found)
    step.old, step.header_end = old, header_end
    step.done = done_by(old, request)
    replayed = replayed or step.done
    if op == "i" then
      step.code = "e"
      refused = refused or string.find(step[2], "a", 1, true)
    elseif guard_holds(old, step[3], step[4], step[5], step[6], step[7]) then
      step.code = "u"
    else
      step.code = "s"
      refused = refused or not string.find(step[2], "o", 1, true)
    end
  end
end

local reply = { "c", now_text }

-- S4: this commit was done before. Answer from what it left, write nothing.
if replayed then
  for n, step in ipairs(plan) do
    local code = "r"
    if step.op == "i" then
      code = step.done == "i" and "i" or "e"
    elseif step.op == "u" then
      code = step.done == "u" and "u" or step.old and "s" or "m"
    end
    reply[#reply + 1] = code .. (packed[ids[n]] or "")
  end
  return reply
end

if refused then
  reply[1] = "x"
  for n, step in ipairs(plan) do
    local code = (step.code == "i" or step.code == "u") and "k" or step.code
    reply[#reply + 1] = code .. (packed[ids[n]] or "")
  end
  return reply
end

local hints, writes, added, removed = {}, {}, {}, {}
local function write(id, text_of_record)
  packed[id] = text_of_record
  writes[#writes + 1] = id
  writes[#writes + 1] = text_of_record
end

for n, step in ipairs(plan) do
  local id, code = ids[n], step.code
  if code == "i" then
    local lease_end = step[3] ~= "" and text(now + tonumber(step[3])) or ""
    local head, status = step[5], step[6]
    local kind = string.match(head, "[^|]*")
    add_members(added, head, step[7], "|" .. status .. "|" .. place_of(now_text) .. "|" .. short_id(kind, id))
    if lease_end ~= "" or step[4] ~= "" then
      move_due(due_index, kind, id, "", lease_end ~= "" and lease_end or step[4])
    end
    write(id, "1|" .. now_text .. "||" .. lease_end .. step.value)
    hints[#hints + 1] = id .. "|1|" .. status
  elseif code == "u" then
    local record = step.old
    local status, keys, due = record[STATUS], record[KEYS_FIELD], due_of(record)
    patch(record, step[8], step[9], step[10], step[11], step[12])
    if step[8] ~= "" or step[9] ~= "" then
      move_indexes(added, removed, id, record, status, keys)
    end
    move_due(due_index, record[KIND], id, due, due_of(record))
    remember(record, "u", request)
    local lines
    if step.value then
      local _, events = split_lines(packed[id], step.header_end)
      lines = "\n" .. step.value .. events
    else
      lines = string.sub(packed[id], step.header_end)
    end
    if step[13] ~= "" then
      lines = add_event(history, id, record, lines, step[13], now_text, "")
    end
    step.header = header_of(record)
    write(id, step.header .. lines)
    hints[#hints + 1] = id .. "|" .. record[VERSION] .. "|" .. record[STATUS]
  elseif step.old and string.find(step[2], "t", 1, true) then
    local record = step.old
    record[TOUCHES] = text(tonumber(record[TOUCHES]) + 1)
    remember(record, "t", request)
    write(id, header_of(record) .. string.sub(packed[id], step.header_end))
  end
end
write_all("ZREM", index, removed)
write_all("ZADD", index, added)
write_all("HSET", records, writes)
if #hints > 0 then
  redis.call("PUBLISH", channel, table.concat(hints, "\n"))
end

for n, step in ipairs(plan) do
  local answer = ""
  if step.code == "u" and step.value then
    answer = step.header .. "\n"
  elseif step.code ~= "i" then
    answer = packed[ids[n]] or ""
  end
  reply[#reply + 1] = step.code .. answer
end
return reply
