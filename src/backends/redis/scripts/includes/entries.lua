-- What the index has to hold of a record.
local function members_of(record, id)
  local members = {}
  remove_members(members, head_of(record), record[KEYS_FIELD], tail_of(record, record[STATUS], id))
  return members
end

-- Whether the index has to hold this member of the record with that id.
local function is_member(packed, id, member)
  if not packed then
    return false
  end
  for _, own in ipairs(members_of(unpack_record(packed), id)) do
    if own == member then
      return true
    end
  end
  return false
end

-- The member of the due index, nil if it is not in it.
local function due_member_of(record, id)
  local due = due_of(record)
  return due ~= "" and due_member(record[KIND], due, id) or nil
end
