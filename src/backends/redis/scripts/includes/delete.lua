-- A record with its index entries, its due time and its history.
local function delete_record(records, history, index, due_index, id, record)
  local removed = {}
  delete_indexes(removed, id, record)
  write_all("ZREM", index, removed)
  move_due(due_index, record[KIND], id, due_of(record), "")
  for chunk = 0, chunks_of(record) - 1 do
    redis.call("HDEL", history, chunk_field(id, chunk))
  end
  redis.call("HDEL", records, id)
end
