-- A request to a service without a ready instance waits here, headers read and body untouched, until there is one, or its patience is over, or too many wait.
-- Loaded once for all threads; HAProxy runs one coroutine of it at a time.

local FIRST_NAPS_MS, NAP_MS, LATER_NAP_MS = 2000, 20, 50

local waiting = {} -- by slot: when each that waits there gives up at the latest, in s

local function count(slot)
    local here, now, number = waiting[slot] or {}, core.now().sec, 0
    for id, until_s in pairs(here) do
        -- Its stream was ended from outside: it will not sign off.
        if until_s < now then here[id] = nil else number = number + 1 end
    end
    return number
end

local serial = 0

core.register_action("hold", { "http-req" }, function(txn)
    local slot = txn.f:be_name()
    local hold_ms, most = tonumber(txn:get_var("txn.hold_ms")), tonumber(txn:get_var("txn.max_waiting"))
    if count(slot) >= most then
        txn:set_var("txn.full", "1")
        return
    end
    serial = serial + 1
    local id, waited_ms = serial, 0
    waiting[slot] = waiting[slot] or {}
    waiting[slot][id] = core.now().sec + hold_ms / 1000 + 5
    while waited_ms < hold_ms and txn.f:nbsrv() == 0 do
        local nap_ms = waited_ms < FIRST_NAPS_MS and NAP_MS or LATER_NAP_MS
        core.msleep(nap_ms)
        waited_ms = waited_ms + nap_ms
    end
    waiting[slot][id] = nil
    txn:set_var("txn.held", "1")
end, 0)

core.register_cli({ "show", "waiting" }, "show waiting : requests that wait for an instance, by slot", function(applet)
    for slot in pairs(waiting) do
        local number = count(slot)
        if number > 0 then applet:send(slot .. " " .. number .. "\n") end
    end
end)
