-- S4: each record keeps the requests that wrote it last, newest first, as "<what><request>,":
-- i inserted it (kept for ever), u updated it (at least the last three), t counted a touch or appended an event (at least
-- the last eight, apart from the updates, so that a crowd that touches a leased record does not push out who leased it,
-- and they do not push out who appended).
local UPDATES_KEPT, TOUCHES_KEPT = 3, 8
-- Below it nothing is ever dropped, which is most records.
local ROOM = 160

-- What `request` did to the record: "i", "u", "t" or nil.
local function done_by(record, request)
  local at = string.find(record[REQUESTS], request .. ",", 1, true)
  return at and string.sub(record[REQUESTS], at - 1, at - 1)
end

local function remember(record, what, request)
  local requests = what .. request .. "," .. record[REQUESTS]
  if #requests > ROOM then
    local kept = {}
    local room = { i = 1, u = UPDATES_KEPT, t = TOUCHES_KEPT }
    for entry in string.gmatch(requests, "[^,]+,") do
      local of = string.sub(entry, 1, 1)
      if room[of] > 0 then
        room[of] = room[of] - 1
        kept[#kept + 1] = entry
      end
    end
    requests = table.concat(kept)
  end
  record[REQUESTS] = requests
end
