-- What an index has to hold of a record: the member of index n (0 all, else by key n), nil if it is not in it.
local function member_of(record, id, n)
  local head, tail = ends_of_members(record, id)
  if n == 0 then
    return head .. tail
  end
  local key = record[KEY_BASE + n]
  return key ~= "" and head .. key .. tail or nil
end

-- The member of the due index, nil if it is not in it.
local function due_member_of(record, id)
  local due = due_of(record)
  return due ~= "" and record[KIND] .. "|" .. pad(tonumber(due)) .. "|" .. id or nil
end
