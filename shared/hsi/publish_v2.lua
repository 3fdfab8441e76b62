#!lua name=hsi_realtime_v2
-- Publishing with history, in one atomic step, for any language (README, "Publish from anywhere").
--
--   FCALL hsi_publish_v2 2 {channel}:history {channel}:number
--     channel length bytes ttl '' message [message ...]
--
-- Appends the messages to the channel's history, publishes each with its entry's id as its first
-- key "cursor", and returns {receivers, repeated, cursor, cursor, ...}: the subscribers that heard
-- the last one, how many messages Redis had already, and every message's cursor. An empty LENGTH
-- keeps 10,000 messages, an empty BYTES 32 MiB of them; with a TTL the history ends so many seconds
-- after its last message. All messages are accepted, or none.
--
-- A caller that got no answer may ask again, in one of two ways:
--
-- - One more key per message, {channel}:once:KEY: a KEY that was used within the last two minutes
--   is refused, and its first message's cursor is returned.
-- - One more key, {channel}:sender:NAME, and the number of the first message here in place of ''.
--   The sender counts its messages from 1; what Redis has already is skipped. Where messages would
--   be missing before the first, it is refused with GAP: Redis has forgotten the sender, which it
--   does after an hour; the sender takes a new name and counts from 1 again. Names are random.
--
-- An entry's id is MILLISECONDS-NUMBER. NUMBER counts the channel's messages without a gap, so
-- that a listener sees at the next message that it missed one.
--
-- A key that somebody else has spoilt is repaired: a history or a counter of the wrong type is
-- replaced, and entries with ids that would let nobody append any more are removed.
--
-- What this does never changes under this name: other versions of us may be calling it.

local ONCE_SECONDS = 120
local SENDER_SECONDS = 3600
local LENGTH, BYTES = 10000, 32 * 1024 * 1024
local OPTIONS = 5
local MAX_DIGITS = 14
-- A history's size is measured when so many messages, or such a part of its bound, are new.
local MEASURED_AFTER, LARGE_PART = 256, 1024
local AHEAD_MILLISECONDS = 60000
local GREATEST = '18446744073709551615-18446744073709551615'

local function parse(id)
  local milliseconds, number = string.match(id, '^(%d+)-(%d+)$')
  if milliseconds and #milliseconds <= MAX_DIGITS and #number <= MAX_DIGITS then
    return tonumber(milliseconds), tonumber(number)
  end
end

local function whole_number(text)
  if type(text) == 'string' and #text <= MAX_DIGITS and string.match(text, '^%d+$') then
    return tonumber(text)
  end
end

-- Return the last entry that this function, or its earlier version, has appended. What somebody
-- else put after it is removed: an id that is not a cursor, or one of the future that was not
-- counted. This function's own may be ahead of a clock that was set back.
local function last_own(history, now, counted)
  while true do
    local entries = redis.call('XREVRANGE', history, '+', '-', 'COUNT', 100)
    if #entries == 0 then
      return nil
    end
    for _, entry in ipairs(entries) do
      local milliseconds, number = parse(entry[1])
      local foreign = not milliseconds
        or (counted and number ~= counted and milliseconds > now + AHEAD_MILLISECONDS)
      if not foreign then
        return milliseconds, number
      end
      redis.call('XDEL', history, entry[1])
    end
  end
end

-- Let the history's next id come right after its last entry, whatever ids were used and removed.
local function forget_greater_ids(history, last)
  local length = redis.call('XLEN', history)
  redis.call('XSETID', history, GREATEST, 'ENTRIESADDED', length, 'MAXDELETEDID', '0-1')
  redis.call('XSETID', history, last)
end

local function bound_bytes(history, bytes)
  local used = redis.pcall('MEMORY', 'USAGE', history, 'SAMPLES', 0)
  while type(used) == 'number' and used > bytes do
    local length = redis.call('XLEN', history)
    if length < 2 then
      return
    end
    -- A tenth less, so that not every call has to.
    local kept = math.max(1, math.min(length - 1, math.floor(length * bytes / used * 0.9)))
    redis.call('XTRIM', history, 'MAXLEN', kept)
    used = redis.pcall('MEMORY', 'USAGE', history, 'SAMPLES', 0)
  end
end

local function publish(keys, args)
  local history, counter, channel = keys[1], keys[2], args[1]
  local length, bytes = tonumber(args[2]) or LENGTH, tonumber(args[3]) or BYTES
  local ttl, first = tonumber(args[4]), tonumber(args[5])
  local count = #args - OPTIONS
  local has_once = not first and #keys > 2
  local expected = first and 3 or has_once and 2 + count or 2
  if count < 1 or #keys ~= expected then
    return redis.error_reply('ERR expected keys: history number [sender | once ...], '
      .. 'arguments: channel length bytes ttl first message ...')
  end
  local rests, size = {}, 0
  for i = 1, count do
    local message = args[OPTIONS + i]
    local after_brace = string.match(message, '^%s*{()%s*"')
    if not after_brace then
      return redis.error_reply('ERR message ' .. i .. ' is not a JSON object with a type')
    end
    rests[i] = string.sub(message, after_brace)
    size = size + #message
  end
  -- Asked before anything is written: else it would be kept, and not published.
  if not redis.acl_check_cmd('PUBLISH', channel, '') then
    return redis.error_reply('NOPERM this user may not publish to the channel ' .. channel)
  end

  local reply, repeated, receivers = { 0, 0 }, 0, 0
  local sender = first and keys[3]
  if sender then
    local state = redis.pcall('GET', sender)
    local sent, milliseconds, number, together =
      string.match(type(state) == 'string' and state or '', '^(%d+) (%d+)-(%d+) (%d+)$')
    sent = tonumber(sent) or 0
    if first > sent + 1 then
      return redis.error_reply('GAP the sender\'s last known message is ' .. sent)
    end
    repeated = math.min(sent + 1 - first, count)
    for i = 1, repeated do
      -- Those of the sender's last call have consecutive numbers; older ones nobody asks for.
      local before_last = sent - (first + i - 1)
      reply[2 + i] = before_last < tonumber(together)
          and string.format('%s-%.0f', milliseconds, tonumber(number) - before_last)
        or ''
    end
    if repeated == count then
      reply[2] = repeated
      return reply
    end
  end

  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local counted = whole_number(redis.pcall('GET', counter))
  -- A history without messages begins with 1: that is how listeners see that none is missing.
  local number = redis.pcall('XLEN', history) == 0 and 0 or counted or 0
  local before, cursor = number, ''
  local stamp = string.format('%.0f-', now)
  -- Return nil, or why it cannot be appended.
  local function append(message)
    cursor = stamp .. number + 1
    local added = redis.pcall('XADD', history, cursor, 'm', message)
    return type(added) == 'table' and added['err'] and added or nil
  end
  local function append_first(message)
    local problem = append(message)
    if not problem then
      return nil
    end
    if string.find(problem['err'], 'WRONGTYPE', 1, true) then
      redis.call('EXPIRE', history, 0)
      number = 0
      return append(message)
    end
    -- The clock stepped back, the counter was lost, or somebody appended by hand.
    local last_milliseconds, last_number = last_own(history, now, counted)
    local last = '0-1'
    if last_milliseconds then
      last = string.format('%.0f-%.0f', last_milliseconds, last_number)
      stamp = string.format('%.0f-', math.max(now, last_milliseconds))
      number = math.max(number, last_number)
    end
    if append(message) then
      forget_greater_ids(history, last)
      return append(message)
    end
  end

  local added = 0
  for i = repeated + 1, count do
    local once = has_once and keys[2 + i]
    local earlier = once and redis.pcall('GET', once)
    if type(earlier) == 'string' then
      repeated = repeated + 1
      reply[2 + i] = earlier
    else
      local message = args[OPTIONS + i]
      local problem
      if added == 0 then
        problem = append_first(message)
      else
        problem = append(message)
      end
      if problem then
        return problem
      end
      added, number = added + 1, number + 1
      reply[2 + i] = cursor
      receivers = redis.call('PUBLISH', channel, '{"cursor":"' .. cursor .. '",' .. rests[i])
      if once then
        redis.call('SET', once, cursor, 'EX', ONCE_SECONDS)
      end
    end
  end
  if added > 0 then
    redis.call('SET', counter, string.format('%.0f', number), 'KEEPTTL')
    redis.call('XTRIM', history, 'MAXLEN', '~', length)
    if size * LARGE_PART >= bytes
      or math.floor(number / MEASURED_AFTER) ~= math.floor(before / MEASURED_AFTER)
    then
      bound_bytes(history, bytes)
    end
    if ttl then
      redis.call('EXPIRE', history, ttl)
      redis.call('EXPIRE', counter, ttl)
    end
    if sender then
      local state = string.format('%.0f %s %d', first + count - 1, cursor, added)
      redis.call('SET', sender, state, 'EX', SENDER_SECONDS)
    end
  end
  reply[1], reply[2] = receivers, repeated
  return reply
end

redis.register_function('hsi_publish_v2', publish)
