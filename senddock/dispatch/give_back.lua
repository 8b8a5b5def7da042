-- Put back one message's worth that was taken and not used. KEYS[i]: hash of limit i, ARGV[i]: the slice it was counted in.
-- A slice that has left its window since is gone, and stays gone.
for i = 1, #KEYS do
  if tonumber(redis.call('HGET', KEYS[i], ARGV[i]) or '0') > 0 then
    redis.call('HINCRBY', KEYS[i], ARGV[i], -1)
  end
end
return 0
