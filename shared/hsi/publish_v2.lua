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
-- after its last message. All messages are accepted, or none: at most 1,000, of 256 KiB each, and
-- with more than one, 1 MiB in all.
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
-- Beside them {channel}:since says since when, in milliseconds, the history has all that was published:
-- since this function was first called, or since messages that were counted were lost. The log of a
-- job has none.
--
-- What somebody else has put into one of these keys never stops the channel. A history or a counter
-- of the wrong type is replaced, and what the other keys hold and this function did not write counts
-- as nothing. Entries with ids that would let nobody append any more are removed; of more than 1,000
-- the whole history goes, which listeners see. A counter that is used up begins again with 1.
--
-- What this does never changes under this name: other versions of us may be calling it.

local ONCE_SECONDS = 120
local SENDER_SECONDS = 3600
local LENGTH, BYTES = 10000, 32 * 1024 * 1024
local OPTIONS = 5
local MAX_MESSAGES, MAX_MESSAGE_BYTES, MAX_BATCH_BYTES = 1000, 256 * 1024, 1024 * 1024
-- Of each part of a cursor, as in hsi/schemas/cursor.py. Lua's numbers are exact up to 15.
local MAX_DIGITS = 14
local GREATEST_PART = 10 ^ MAX_DIGITS - 1
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
-- Entries by hand that are removed from a history's end: more would keep Redis busy.
local MAX_REMOVED, READ_AT_ONCE = 1000, 100
local MAX_REMOVED_BYTES = 256 * 1024 * 1024
-- Types that services keep for what they say to a client about its connection.
local RESERVED = { ping = true, pong = true, resumed = true, error = true }

local function id_of(milliseconds, number)
  return string.format('%.0f-%.0f', milliseconds, number)
end

local function whole_number(text)
  if type(text) == 'string' and #text <= MAX_DIGITS and string.match(text, '^%d+$') then
    return tonumber(text)
  end
end

local function parse(id)
  local milliseconds, number = string.match(id, '^(%d+)-(%d+)$')
  milliseconds, number = whole_number(milliseconds), whole_number(number)
  if milliseconds and number then
    return milliseconds, number
  end
end

-- Return what is wrong with a message, as far as can be told for little, or nil and where it goes on
-- after its brace.
local function fault_of(message)
  if #message > MAX_MESSAGE_BYTES then
    return 'has ' .. #message .. ' bytes, more than the ' .. MAX_MESSAGE_BYTES .. ' allowed'
  end
  -- Parsing costs more than all else: only for what may be at fault. Usually the type comes first.
  local rest, kind = string.match(message, '^%s*{()%s*"type"%s*:%s*"([^"\\]*)"')
  if not rest then
    rest = string.match(message, '^%s*{()%s*"')
    if not rest then
      return 'is not a JSON object with a type'
    end
  end
  if kind and not RESERVED[kind] and not string.find(message, '"cursor"', 1, true) then
    return nil, rest
  end
  local is_json, decoded = pcall(cjson.decode, message)
  if not is_json or type(decoded) ~= 'table' then
    return nil, rest
  end
  if decoded['cursor'] ~= nil and decoded['cursor'] ~= cjson.null then
    return 'has a cursor; only the history gives those'
  end
  if RESERVED[decoded['type']] then
    return 'has the type ' .. decoded['type'] .. ', which is reserved for the services'
  end
  return nil, rest
end

local function is_about_type(problem)
  return problem and string.find(problem['err'], 'WRONGTYPE', 1, true)
end

-- The id does not come after the history's last one, or is not an id.
local function is_about_id(problem)
  return problem and string.find(problem['err'], '^ERR .*ID')
end

-- Return the last entry that this function, or its earlier version, has appended; nil: there is
-- none. What somebody else put after it is removed: an id that is not a cursor, or one of the
-- future that was not counted. This function's own may be ahead of a clock that was set back. Where
-- the history was dropped, nil is returned with the number to go on from.
local function last_own(history, now, counted)
  local removed, count = 0, 1
  while removed < MAX_REMOVED do
    local entries = redis.call('XREVRANGE', history, '+', '-', 'COUNT', count)
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
      removed = removed + 1
    end
    count = READ_AT_ONCE
  end
  redis.call('EXPIRE', history, 0)
  return nil, 0
end

-- Let the history's next id come right after its last entry, whatever ids were used and removed.
local function forget_greater_ids(history, last)
  local length = redis.pcall('XLEN', history)
  redis.pcall('XSETID', history, GREATEST, 'ENTRIESADDED', length, 'MAXDELETEDID', '0-1')
  redis.pcall('XSETID', history, last)
end

-- Return the bytes of a history; nil if there is none.
local function size_of(history)
  local size = redis.pcall('MEMORY', 'USAGE', history, 'SAMPLES', 0)
  return type(size) == 'number' and size or nil
end

local function text_size(entry)
  local size = 0
  for _, part in ipairs(entry[2]) do
    size = size + #part
  end
  return size
end

-- Return whether every entry may be one that this function appended, as far as can be told for little.
local function is_gapless(history)
  local first = redis.pcall('XRANGE', history, '-', '+', 'COUNT', 1)[1]
  local last = redis.call('XREVRANGE', history, '+', '-', 'COUNT', 1)[1]
  local _, from = parse(first and first[1] or '')
  local _, upto = parse(last and last[1] or '')
  return from and upto and redis.call('XLEN', history) == upto - from + 1
end

-- Remove what somebody appended that is larger than a message may be: it would take the room of all
-- others. Gone through are the newest entries that have room. Return whether that is done: what takes
-- longer than one call should goes on with the next.
local function remove_oversized(history, used, bytes)
  -- What publishers write never comes to twice the bound: these may be large.
  local count = used > 2 * bytes and 1 or READ_AT_ONCE
  local kept, removed, upto = 0, 0, '+'
  while upto and kept <= bytes do
    local entries = redis.call('XREVRANGE', history, upto, '-', 'COUNT', count)
    for _, entry in ipairs(entries) do
      local size = text_size(entry)
      if size > 2 * MAX_MESSAGE_BYTES then
        redis.call('XDEL', history, entry[1])
        removed = removed + size
        if removed > MAX_REMOVED_BYTES then
          return false
        end
      else
        kept = kept + size
      end
    end
    upto = #entries == count and '(' .. entries[count][1] or nil
  end
  return true
end

-- Remove the oldest entries that have so many bytes, but not the last one.
local function remove_oldest(history, bytes)
  local from = '-'
  while true do
    local entries = redis.pcall('XRANGE', history, from, '+', 'COUNT', READ_AT_ONCE)
    if entries['err'] then -- A user with earlier rules: by count, then.
      redis.call('XTRIM', history, 'MAXLEN', math.floor(redis.call('XLEN', history) * 0.9))
      return
    end
    for _, entry in ipairs(entries) do
      if bytes <= 0 then
        redis.call('XTRIM', history, 'MINID', entry[1])
        return
      end
      bytes = bytes - text_size(entry)
    end
    if #entries < READ_AT_ONCE then
      redis.call('XTRIM', history, 'MAXLEN', 1)
      return
    end
    from = '(' .. entries[#entries][1]
  end
end

local function bound_bytes(history, bytes)
  local used = size_of(history)
  if not used or used <= bytes then
    return
  end
  if used > 2 * bytes or not is_gapless(history) then
    if not remove_oversized(history, used, bytes) then
      return
    end
    used = size_of(history)
  end
  while used and used > bytes and redis.call('XLEN', history) > 1 do
    -- A tenth less, so that not every call has to.
    remove_oldest(history, used - bytes * 0.9)
    used = size_of(history)
  end
end

local function history_of(channel)
  return '{' .. channel .. '}:history'
end

-- Write since when the history is whole, if nobody has, or if it begins again. A user that may not
-- write it publishes all the same.
local function mark_since(channel, now, begins_again, ttl)
  local key, value = '{' .. channel .. '}:since', string.format('%.0f', now)
  if begins_again then
    redis.pcall('SET', key, value)
  else
    redis.pcall('SET', key, value, 'NX')
  end
  if ttl then
    redis.pcall('EXPIRE', key, ttl)
  end
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
    local history = history_of(log)
    local size = string.match(log, LOG) and size_of(history)
    if size and size > LOG_BYTES then
      -- What somebody wrote into one log by hand costs no other log its place.
      remove_oversized(history, size, size)
      size = size_of(history)
    end
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
  for i = 2, OPTIONS do
    if args[i] and args[i] ~= '' and not whole_number(args[i]) then
      return redis.error_reply('ERR length, bytes, ttl and first are whole numbers, or empty')
    end
  end
  local length = whole_number(args[2]) or LENGTH
  local bytes = whole_number(args[3]) or is_log and LOG_BYTES or BYTES
  local ttl, first = whole_number(args[4]) or is_log and LOG_SECONDS, whole_number(args[5])
  local count = #args - OPTIONS
  local has_once = not first and #keys > 2
  local expected = first and 3 or has_once and 2 + count or 2
  if count < 1 or count > MAX_MESSAGES or #keys ~= expected then
    return redis.error_reply('ERR expected keys: history number [sender | once ...], '
      .. 'arguments: channel length bytes ttl first message ...')
  end
  local rests, size = {}, 0
  for i = 1, count do
    local message = args[OPTIONS + i]
    local fault, rest = fault_of(message)
    if fault then
      return redis.error_reply('ERR message ' .. i .. ' ' .. fault)
    end
    rests[i] = string.sub(message, rest)
    size = size + #message
  end
  if count > 1 and size > MAX_BATCH_BYTES then
    return redis.error_reply('ERR the messages have ' .. size .. ' bytes together, more than the '
      .. MAX_BATCH_BYTES .. ' allowed')
  end
  -- Asked before anything is written: else it would be kept, and not published.
  if not redis.acl_check_cmd('PUBLISH', channel, '') then
    return redis.error_reply('NOPERM this user may not publish to the channel ' .. channel)
  end

  local reply, repeated, receivers = { 0, 0 }, 0, 0
  local sender = first and keys[3]
  if sender then
    local state = redis.pcall('GET', sender)
    local sent, last, together =
      string.match(type(state) == 'string' and state or '', '^(%d+) (%d+-%d+) (%d+)$')
    local milliseconds, number = parse(last or '')
    sent, together = whole_number(sent), whole_number(together)
    if not (sent and together and number) then
      sent = 0
    end
    if first > sent + 1 then
      return redis.error_reply(
        string.format('GAP the sender\'s last known message is %.0f', sent))
    end
    repeated = math.min(sent + 1 - first, count)
    for i = 1, repeated do
      -- Those of the sender's last call have consecutive numbers; older ones nobody asks for.
      local before_last = sent - (first + i - 1)
      reply[2 + i] = before_last < math.min(together, number)
          and id_of(milliseconds, number - before_last)
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
  local is_empty = redis.pcall('XLEN', history) == 0
  local number = is_empty and 0 or counted or 0
  if number + count > GREATEST_PART then
    number = 0
  end
  local before, cursor, stamp = number, '', string.format('%.0f-', now)
  -- Return nil, or why it cannot be appended.
  local function append(message)
    cursor = stamp .. number + 1 -- Lua writes up to MAX_DIGITS as they are.
    local added = redis.pcall('XADD', history, cursor, 'm', message)
    return type(added) == 'table' and added['err'] and added or nil
  end
  local function begin_again(message)
    redis.call('EXPIRE', history, 0)
    stamp, number = string.format('%.0f-', now), 0
    return append(message)
  end
  local function append_first(message)
    local problem = append(message)
    if is_about_id(problem) then
      -- The clock stepped back, the counter was lost, or somebody appended by hand.
      local last_milliseconds, last_number = last_own(history, now, counted)
      local last = '0-1'
      if last_milliseconds then
        last = id_of(last_milliseconds, last_number)
        local milliseconds = math.max(now, last_milliseconds)
        number = math.max(number, last_number)
        -- Used up: numbers begin again, at a later time.
        if number + count > GREATEST_PART then
          milliseconds, number = math.max(now, last_milliseconds + 1), 0
        end
        if milliseconds > GREATEST_PART then
          return begin_again(message)
        end
        stamp = string.format('%.0f-', milliseconds)
      else
        number = last_number or number
      end
      problem = append(message)
      if is_about_id(problem) then
        forget_greater_ids(history, last)
        problem = append(message)
      end
    end
    if is_about_type(problem) or is_about_id(problem) then
      return begin_again(message)
    end
    return problem
  end

  local added = 0
  for i = repeated + 1, count do
    local once = has_once and keys[2 + i]
    local earlier = once and redis.pcall('GET', once)
    if type(earlier) == 'string' and parse(earlier) then
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
    if not is_log then
      mark_since(channel, now, number == added and (counted or not is_empty), ttl)
    end
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
