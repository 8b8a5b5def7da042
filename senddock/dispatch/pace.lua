-- Take n from every limit of one provider and, when asked for, one of its connections: all of it, or nothing at all.
-- KEYS[1]: sorted set of connection leases (score: when they end). KEYS[i + 1]: hash of slice -> count for limit i.
-- ARGV[1]: now in milliseconds, ARGV[2]: n, ARGV[3]: 1 to look only and take nothing,
-- ARGV[4]: connections allowed (0: none asked for), ARGV[5]: the lease, ARGV[6]: its life in milliseconds.
-- Then for each limit: amount, window in ms, slice in ms, period start in ms (-1: rolling).
-- Returns {0, room, slice of limit 1, slice of limit 2, ...} when there is enough, where room is what the tightest limit
-- had left before; otherwise {milliseconds to wait, index of the limit (0: the connections)}.
local now, n, looking = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local connections, lease, life = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local position = 6
local slots, room = {}, math.huge
local longest, which = 0, 0
-- Leases end by this server's own clock: it is the one clock that all workers share.
local time = redis.call('TIME')
local here = time[1] * 1000 + math.floor(time[2] / 1000)
if connections > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', here)
  if redis.call('ZCARD', KEYS[1]) >= connections then return {1000, 0} end
end
for i = 1, #KEYS - 1 do
  local key = KEYS[i + 1]
  local amount, window, slice, period = tonumber(ARGV[position + 1]), tonumber(ARGV[position + 2]),
    tonumber(ARGV[position + 3]), tonumber(ARGV[position + 4])
  position = position + 4
  local used, slices = 0, {}
  local current = period >= 0 and period or math.floor(now / slice)
  local raw = redis.call('HGETALL', key)
  for j = 1, #raw, 2 do
    local at, count = tonumber(raw[j]), tonumber(raw[j + 1])
    local gone
    if period >= 0 then gone = at < period else gone = (at + 1) * slice <= now - window end
    if gone then
      redis.call('HDEL', key, raw[j])
    else
      if period < 0 and at > current then
        -- The clock was set back: what lies ahead of it was sent just now.
        redis.call('HDEL', key, raw[j])
        redis.call('HINCRBY', key, string.format('%.0f', current), count)
        at = current
      end
      used = used + count
      slices[#slices + 1] = {at, count}
    end
  end
  slots[i] = {key, string.format('%.0f', current), window}
  room = math.min(room, amount - used)
  if used + n > amount then
    local wait
    if period >= 0 then
      wait = period + window - now
    elseif n > amount then
      wait = window
    else
      table.sort(slices, function(a, b) return a[1] < b[1] end)
      local free = amount - used
      for k = 1, #slices do
        free = free + slices[k][2]
        if free >= n then
          wait = (slices[k][1] + 1) * slice + window - now
          break
        end
      end
    end
    wait = math.max(1, wait or window)
    if wait > longest then longest, which = wait, i end
  end
end
if longest > 0 then return {longest, which} end
local answer = {0, room < 1e9 and room or 1000000000}
if looking then return answer end
if connections > 0 then
  redis.call('ZADD', KEYS[1], here + life, lease)
  redis.call('PEXPIRE', KEYS[1], life * 2)
end
for i = 1, #slots do
  if n > 0 then
    redis.call('HINCRBY', slots[i][1], slots[i][2], n)
    -- Slices end by the time the worker tells; the key by this server's. A short window must outlive a worker that lags.
    redis.call('PEXPIRE', slots[i][1], string.format('%.0f', math.max(slots[i][3] * 2, 60000)))
  end
  answer[i + 2] = slots[i][2]
end
return answer
