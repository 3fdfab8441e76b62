#!lua name=hsi_realtime_v1
-- Publishing with history, in one atomic step, for any language (README, "Publish from anywhere").
--
--   FCALL hsi_publish_v1 3 {channel}:history {channel}:number {channel}:once:KEY
--     channel message [length] [ttl]
--
-- Appends the message to the channel's history, publishes it with its entry's id as its first key
-- "cursor", and returns {cursor, receivers, repeated}. A KEY that was used within the last two
-- minutes is refused: nothing is published, and the first one's cursor is returned with repeated=1;
-- so whoever got no answer may ask again. Without a third key, every call is a new message.
--
-- An entry's id is MILLISECONDS-NUMBER. NUMBER counts the channel's messages without a gap, so
-- that a listener sees at the next message that it missed one.
--
-- What this does never changes under this name: other versions of us may be calling it.

local ONCE_SECONDS = 120

local function publish(keys, args)
  local history, counter, once = keys[1], keys[2], keys[3]
  local channel, message, length, ttl = args[1], args[2], args[3], args[4]
  if not (history and counter and channel and message) then
    return redis.error_reply('ERR expected keys: history number [once], arguments: channel message')
  end
  local rest = string.match(message, '^%s*{(%s*".*)$')
  if not rest then
    return redis.error_reply('ERR the message is not a JSON object with a type')
  end
  if once then
    local earlier = redis.call('GET', once)
    if earlier then
      return { earlier, 0, 1 }
    end
  end

  local now = redis.call('TIME')
  local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
  local number = redis.call('INCR', counter)
  local cursor = string.format('%.0f-%.0f', milliseconds, number)
  local function append()
    return redis.pcall('XADD', history, 'MAXLEN', '~', length or 10000, cursor, 'm', message)
  end
  if append()['err'] then
    -- The clock stepped back, or the counter was lost: go on from the last message there is.
    local last = redis.call('XREVRANGE', history, '+', '-', 'COUNT', 1)[1]
    local last_milliseconds, last_number = string.match(last[1], '(%d+)-(%d+)')
    milliseconds = math.max(milliseconds, tonumber(last_milliseconds))
    number = last_number + 1
    redis.call('SET', counter, number)
    cursor = string.format('%.0f-%.0f', milliseconds, number)
    local second = append()
    if second['err'] then
      return second
    end
  end
  if once then
    redis.call('SET', once, cursor, 'EX', ONCE_SECONDS)
  end
  if ttl and ttl ~= '' then
    redis.call('EXPIRE', history, ttl)
    redis.call('EXPIRE', counter, ttl)
  end
  local receivers = redis.call('PUBLISH', channel, '{"cursor":"' .. cursor .. '",' .. rest)
  return { cursor, receivers, 0 }
end

redis.register_function('hsi_publish_v1', publish)
