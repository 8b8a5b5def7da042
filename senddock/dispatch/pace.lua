-- Take n from every limit of one provider, or from none.
-- KEYS[i]: hash of slice -> count for limit i. ARGV[1]: now in milliseconds, ARGV[2]: n, ARGV[3]: 1 to look only.
-- Then for each limit: amount, window in ms, slice in ms, period start in ms (-1: rolling).
-- Returns 0 when taken, otherwise {milliseconds to wait, index of the limit}.
local now, n, position = tonumber(ARGV[1]), tonumber(ARGV[2]), 3
local plans = {}
local longest, which = 0, 0
for i = 1, #KEYS do
  local amount, window, slice, period = tonumber(ARGV[position + 1]), tonumber(ARGV[position + 2]),
    tonumber(ARGV[position + 3]), tonumber(ARGV[position + 4])
  position = position + 4
  local used, slices = 0, {}
  local current = period >= 0 and period or math.floor(now / slice)
  local raw = redis.call('HGETALL', KEYS[i])
  for j = 1, #raw, 2 do
    local at, count = tonumber(raw[j]), tonumber(raw[j + 1])
    local gone
    if period >= 0 then gone = at ~= period else gone = (at + 1) * slice <= now - window end
    if gone then
      redis.call('HDEL', KEYS[i], raw[j])
    else
      used = used + count
      slices[#slices + 1] = {at, count}
    end
  end
  plans[i] = {current, window}
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
if tonumber(ARGV[3]) == 1 then return 0 end
for i = 1, #KEYS do
  redis.call('HINCRBY', KEYS[i], string.format('%.0f', plans[i][1]), n)
  redis.call('PEXPIRE', KEYS[i], string.format('%.0f', plans[i][2] * 2))
end
return 0
