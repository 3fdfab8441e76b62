#!lua name=hsi_realtime_v1
-- Publishing with history, in one atomic step, for any language (README, "Publish from anywhere").
--
--   FCALL hsi_publish_v1 2 {channel}:history {channel}:once:KEY  channel message [length] [ttl]
--
-- Appends the message to the channel's history, publishes it with its entry's id as its first key
-- "cursor", and returns {cursor, receivers, repeated}. A KEY that was used within the last two
-- minutes is refused: nothing is published, and the first one's cursor is returned with repeated=1;
-- so whoever got no answer may ask again. Without a second key, every call is a new message.
--
-- An entry's id is MILLISECONDS-NUMBER. NUMBER counts the channel's messages without a gap, so
-- that a listener sees at the next message that it missed one.
--
-- What this does never changes under this name: other versions of us may be calling it.

local ONCE_SECONDS = 120

local function publish(keys, args)
  local history, once = keys[1], keys[2]
  local channel, message = args[1], args[2]
  if not (history and channel and message) then
    return redis.error_reply('ERR expected keys: history [once], arguments: channel message')
  end
  local rest = string.match(message, '^%s*{(%s*".*)$')
  if not rest then
    return redis.error_reply('ERR the message is not a JSON object with a type')
  end
  local now = redis.call('TIME')
  local milliseconds, number = now[1] * 1000 + math.floor(now[2] / 1000), 1
  local last = redis.call('XREVRANGE', history, '+', '-', 'COUNT', 1)[1]
  if last then
    local last_milliseconds, last_number = string.match(last[1], '(%d+)-(%d+)')
    milliseconds = math.max(milliseconds, tonumber(last_milliseconds)) -- a clock may step back
    number = last_number + 1
  end
  local cursor = string.format('%.0f-%.0f', milliseconds, number)
  if once and not redis.call('SET', once, cursor, 'NX', 'EX', ONCE_SECONDS) then
    return { redis.call('GET', once), 0, 1 }
  end
  redis.call('XADD', history, 'MAXLEN', '~', args[3] or 10000, cursor, 'm', message)
  if args[4] and args[4] ~= '' then
    redis.call('EXPIRE', history, args[4])
  end
  local receivers = redis.call('PUBLISH', channel, '{"cursor":"' .. cursor .. '",' .. rest)
  return { cursor, receivers, 0 }
end

redis.register_function('hsi_publish_v1', publish)
