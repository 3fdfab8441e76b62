#!lua name=hsi_lines_v1
-- Publishing many messages of one sender with history, in one atomic step: what hsi_publish_v1
-- does for one (publish.lua), for the lines of a job's log.
--
--   FCALL hsi_publish_lines_v1 3 {channel}:history {channel}:number {channel}:senders
--     channel length ttl sender first message [message ...]
--
-- A sender counts its messages from 1; FIRST is the number of the first one here. What was
-- published already is skipped, so whoever got no answer may ask again, with the same messages or
-- with more; this holds as long as the history is kept (TTL seconds after the last message). Where
-- messages would be missing before FIRST, it is refused with GAP: Redis has forgotten the sender,
-- who takes a new name and counts anew. Returns {last cursor, receivers, skipped}.
--
-- Senders that share a channel need names of their own; any unused string is one.
--
-- What this does never changes under this name: other versions of us may be calling it.

local FIRST_MESSAGE = 6

local function publish(keys, args)
  local history, counter, senders = keys[1], keys[2], keys[3]
  local channel, length, ttl, sender, first = args[1], args[2], args[3], args[4], tonumber(args[5])
  if not (senders and first and args[FIRST_MESSAGE]) then
    return redis.error_reply('ERR expected keys: history number senders, '
      .. 'arguments: channel length ttl sender first message ...')
  end
  local rests = {}
  for i = FIRST_MESSAGE, #args do
    local rest = string.match(args[i], '^%s*{(%s*".*)$')
    if not rest then
      return redis.error_reply('ERR a message is not a JSON object with a type')
    end
    rests[i] = rest
  end
  local sent = tonumber(redis.call('HGET', senders, sender) or 0)
  if first > sent + 1 then
    return redis.error_reply('GAP the sender\'s last known message is ' .. sent)
  end
  local skipped = math.min(sent + 1 - first, #args - FIRST_MESSAGE + 1)

  local now = redis.call('TIME')
  local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
  local number = tonumber(redis.call('GET', counter) or 0)
  local cursor, receivers = '', 0
  local function append(message)
    number = number + 1
    cursor = string.format('%.0f-%.0f', milliseconds, number)
    return redis.pcall('XADD', history, 'MAXLEN', '~', length, cursor, 'm', message)
  end
  local function remember()
    redis.call('SET', counter, string.format('%.0f', number), 'EX', ttl)
    redis.call('HSET', senders, sender, string.format('%.0f', sent))
    redis.call('EXPIRE', senders, ttl)
    redis.call('EXPIRE', history, ttl)
  end
  for i = FIRST_MESSAGE + skipped, #args do
    local appended = append(args[i])
    if appended['err'] then
      -- The clock stepped back, or the counter was lost: go on from the last message there is.
      local last = redis.pcall('XREVRANGE', history, '+', '-', 'COUNT', 1)[1]
      if last then
        local last_milliseconds, last_number = string.match(last[1], '(%d+)-(%d+)')
        milliseconds = math.max(milliseconds, tonumber(last_milliseconds))
        number = tonumber(last_number)
        appended = append(args[i])
      end
      if appended['err'] then
        number = number - 1
        if i > FIRST_MESSAGE + skipped then
          remember()
        end
        return appended
      end
    end
    sent = sent + 1
    receivers = redis.call('PUBLISH', channel, '{"cursor":"' .. cursor .. '",' .. rests[i])
  end
  if skipped < #args - FIRST_MESSAGE + 1 then
    remember()
  end
  return { cursor, receivers, skipped }
end

redis.register_function('hsi_publish_lines_v1', publish)
