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
-- The log of a job (job:ID:logs) keeps 8 MiB and ends after an hour, unless the caller says otherwise;
-- and all logs together have a budget, so that they leave events the room that these need (see
-- make_room).
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
local LOG = '^job:(.+):logs$'
local LOG_BYTES, LOG_SECONDS = 8 * 1024 * 1024, 3600
-- What all logs may take together: so many bytes, such a part of maxmemory, and not what would leave
-- less than the rest of NEARLY_FULL free.
local LOGS_BYTES, LOGS_PART, NEARLY_FULL = 64 * 1024 * 1024, 1 / 3, 0.8
local LOG_MEASURED_AFTER = 16
-- What text takes in memory, and a message and a history beside it: a guess until they are measured,
-- and no less than that. An allocator rounds up by a quarter at most.
local ROUNDED, MESSAGE_OVERHEAD, HISTORY_OVERHEAD = 1.25, 64, 4096
-- What logs may take together, and one that is cut, whatever else fills Redis.
local LEAST_LOGS_BYTES, LEAST_BYTES = 1024 * 1024, 8192
-- Jobs of which is asked whether they have ended; with more logs, Redis would be busy for long.
local LOOKED_AT = 1000
local LOGS, WRITTEN = 'job_logs', 'job_logs:written'
local ENDED = { completed = true, failed = true, cancelled = true }
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

-- Return the bytes of a history; nil if there is none.
local function size_of(history)
  local size = redis.pcall('MEMORY', 'USAGE', history, 'SAMPLES', 0)
  return type(size) == 'number' and size or nil
end

local function bound_bytes(history, bytes)
  local used = size_of(history)
  while used and used > bytes do
    local length = redis.call('XLEN', history)
    if length < 2 then
      return
    end
    -- A tenth less, so that not every call has to.
    local kept = math.max(1, math.min(length - 1, math.floor(length * bytes / used * 0.9)))
    redis.call('XTRIM', history, 'MAXLEN', kept)
    used = size_of(history)
  end
end

local function history_of(channel)
  return '{' .. channel .. '}:history'
end

-- Return how many bytes of memory are used, and how many there are; nil where there is no limit.
local function memory()
  local info = redis.pcall('INFO', 'memory')
  if type(info) == 'string' then
    local used, most = string.match(info, 'used_memory:(%d+)'), string.match(info, 'maxmemory:(%d+)')
    if used and most and tonumber(most) > 0 then
      return tonumber(used), tonumber(most)
    end
  end
end

local function decoded(text)
  local is_json, value = pcall(cjson.decode, type(text) == 'string' and text or '')
  return is_json and type(value) == 'table' and value or {}
end

-- Return whether a job may go on: by its state, or where it has none, by the last line of its log.
local function is_open(log)
  local status = decoded(redis.pcall('GET', 'job:' .. string.match(log, LOG))).status
  if status then
    return not ENDED[status]
  end
  local last = redis.pcall('XREVRANGE', history_of(log), '+', '-', 'COUNT', 1)[1]
  return decoded(last and last[2][2]).type ~= 'end'
end

local function limit_of_logs(most)
  local limit = tonumber(redis.pcall('HGET', LOGS, 'limit')) or LOGS_BYTES
  return most and math.min(limit, most * LOGS_PART) or limit
end

-- Keep all logs within their budget. Those of jobs that have ended go first, and of these the ones that
-- were written longest ago; if the others are still too much, each is cut to an equal share, and where
-- they are too many for that, those go that were written longest ago.
--
-- The field 'bytes' of LOGS is what was measured here last and all that was written since. So what was
-- trimmed, deleted or has expired in between makes this look too early, and never too late. A node of
-- a cluster that cannot see the other logs bounds the one that is written.
local function make_room(channel)
  local names = redis.pcall('ZRANGE', WRITTEN, 0, -1)
  if names['err'] then
    names = { channel }
  end
  local sizes, total = {}, 0
  for _, log in ipairs(names) do
    local size = string.match(log, LOG) and size_of(history_of(log))
    if size then
      sizes[log] = size
      total = total + size
    else
      redis.pcall('ZREM', WRITTEN, log)
    end
  end
  local used, most = memory()
  local limit = limit_of_logs(most)
  if used then
    limit = math.min(limit, math.max(total + most * NEARLY_FULL - used, LEAST_LOGS_BYTES))
  end
  if total > limit then
    local aim, dropped = limit * 0.9, 0
    local function drop_unless(keep, most_looked_at)
      for rank, log in ipairs(names) do
        if total <= aim or rank > most_looked_at then
          break
        end
        if sizes[log] and log ~= channel and not keep(log) then
          redis.call('EXPIRE', history_of(log), 0)
          redis.call('EXPIRE', '{' .. log .. '}:number', 0)
          redis.pcall('ZREM', WRITTEN, log)
          total, dropped, sizes[log] = total - sizes[log], dropped + 1, nil
        end
      end
    end
    drop_unless(is_open, LOOKED_AT)
    local left = 0
    for _ in pairs(sizes) do
      left = left + 1
    end
    local share = math.max(aim / left, LEAST_BYTES)
    for _, log in ipairs(names) do
      if sizes[log] and sizes[log] > share and total > aim then
        bound_bytes(history_of(log), share)
        total = total - sizes[log]
        sizes[log] = size_of(history_of(log)) or 0
        total = total + sizes[log]
      end
    end
    drop_unless(function() return false end, #names)
    redis.pcall('HINCRBY', LOGS, 'dropped', dropped)
  end
  redis.pcall('HSET', LOGS, 'bytes', string.format('%.0f', total))
end

-- Count what was written to a log; return how much all of them may be together.
local function count_log(channel, now, size)
  local listed = redis.pcall('ZADD', WRITTEN, now, channel)
  local bytes = redis.pcall('HINCRBY', LOGS, 'bytes', size)
  for key, reply in pairs({ [WRITTEN] = listed, [LOGS] = bytes }) do
    if type(reply) == 'table' and string.find(reply['err'], 'WRONGTYPE', 1, true) then
      redis.call('EXPIRE', key, 0)
    end
  end
  -- If nothing else is counted, Redis was wiped, or somebody deleted the figures.
  return type(bytes) == 'number' and bytes > size and bytes or math.huge
end

local function publish(keys, args)
  local history, counter, channel = keys[1], keys[2], args[1]
  local is_log = string.match(channel or '', LOG)
  local length = tonumber(args[2]) or LENGTH
  local bytes = tonumber(args[3]) or is_log and LOG_BYTES or BYTES
  local ttl, first = tonumber(args[4]) or is_log and LOG_SECONDS, tonumber(args[5])
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
    local logs = is_log
      and count_log(channel, now, math.ceil(size * ROUNDED) + added * MESSAGE_OVERHEAD
        + (before == 0 and HISTORY_OVERHEAD or 0))
    local after = is_log and LOG_MEASURED_AFTER or MEASURED_AFTER
    if size * LARGE_PART >= bytes
      or math.floor(number / after) ~= math.floor(before / after)
      or is_log and before == 0
    then
      bound_bytes(history, bytes)
      local used, most = memory()
      if logs and logs > limit_of_logs(most) or used and used > most * NEARLY_FULL then
        make_room(channel)
      end
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
