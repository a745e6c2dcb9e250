"""The Lua scripts that Redis or Valkey runs: the arithmetic of ``rates.py``.

Each script is one atomic step. A key holds one limit in one window, as numbers with blanks
between them: first the newest time that was counted, then the time and the uses of each entry,
oldest first.

The application sends its own time. Times are texts of 17 digits, from which Lua and Python
read the same double. So both come to the same answer to the last bit.
"""

from __future__ import annotations

__all__ = ["GIVE_BACK", "TAKE"]

_COMMON = """
-- KEYS[1] is the receipt; the limits follow. ARGV[1] is its expiry in seconds.

local function exact(number)
  return string.format('%.17g', number)
end

local function load(key)
  local value = redis.call('GET', key)
  local limit = {key = key, newest = value, entries = {}}
  if value then
    local newest, entries = string.match(value, '(%S+)(.*)')
    limit.newest = newest
    for at, uses in string.gmatch(entries, '(%S+) (%S+)') do
      limit.entries[#limit.entries + 1] = {text = at, at = tonumber(at), uses = tonumber(uses)}
    end
  end
  return limit
end

-- One command sets value and expiry. A key without an expiry would keep its uses for ever.
local function save(limit)
  local texts = {limit.newest}
  for _, entry in ipairs(limit.entries) do
    texts[#texts + 1] = entry.text .. ' ' .. entry.uses
  end
  redis.call('SET', limit.key, table.concat(texts, ' '), 'EX', limit.expiry)
end
"""

TAKE = (
    _COMMON
    + """
-- ARGV[2] is the time. The values of each limit follow: kind, counts_withheld, count, window,
-- grain, most (entries), expiry.

local FIELDS = 7

local function read(i)
  local limit = load(KEYS[i])
  local first = 3 + (i - 2) * FIELDS
  limit.kind = ARGV[first]
  limit.counts_withheld = ARGV[first + 1] == '1'
  limit.count = tonumber(ARGV[first + 2])
  limit.window = tonumber(ARGV[first + 3])
  limit.grain = tonumber(ARGV[first + 4])
  limit.most = tonumber(ARGV[first + 5])
  limit.expiry = ARGV[first + 6]
  -- A clock that steps back must not free a limit.
  limit.now = math.max(tonumber(ARGV[2]), tonumber(limit.newest or 0))
  local live = {}
  for _, entry in ipairs(limit.entries) do
    if entry.at > limit.now - limit.window then
      live[#live + 1] = entry
    end
  end
  limit.entries = live
  return limit
end

-- rates.free_at
local function free_at(limit)
  local too_many = 1 - limit.count
  for _, entry in ipairs(limit.entries) do
    too_many = too_many + entry.uses
  end
  local free = nil
  for _, entry in ipairs(limit.entries) do
    if too_many <= 0 then
      break
    end
    too_many = too_many - entry.uses
    free = entry.at + limit.window
  end
  return free
end

-- Counts a use, and returns the time of its entry.
local function count(limit)
  local at, entries = limit.now, limit.entries
  local last = entries[#entries]
  if limit.grain > 0 then
    at = math.ceil(limit.now / limit.grain) * limit.grain
  end
  limit.newest = exact(limit.now)
  if limit.grain > 0 and last and last.at >= at then
    last.uses = last.uses + 1
    return last.at
  end
  entries[#entries + 1] = {text = exact(at), at = at, uses = 1}
  while #entries > limit.most do
    table.remove(entries, 1)
  end
  return at
end

local limits, answer, is_over = {}, {1}, {}
for i = 2, #KEYS do
  local limit = read(i)
  local free = free_at(limit)
  if free then
    is_over[limit.kind] = true
  end
  limits[i] = limit
  answer[i] = free and exact(free) or ''
end

-- A refused request uses up no limit.
if is_over.hard then
  answer[1] = 0
  return answer
end

local receipt = {}
for i = 2, #KEYS do
  local limit = limits[i]
  if limit.counts_withheld or not is_over.soft then
    receipt[#receipt + 1] = i .. ' ' .. exact(count(limit))
    save(limit)
  end
end
if #receipt > 0 then
  redis.call('RPUSH', KEYS[1], table.concat(receipt, ' '))
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return answer
"""
)

GIVE_BACK = (
    _COMMON
    + """
-- The expiry of each limit follows.

local function take_out(limit, at)
  for i, entry in ipairs(limit.entries) do
    if entry.at == at then
      entry.uses = entry.uses - 1
      if entry.uses == 0 then
        table.remove(limit.entries, i)
      end
      return true
    end
  end
  return false
end

local receipt = redis.call('LPOP', KEYS[1])
if not receipt then
  return 0
end
for i, at in string.gmatch(receipt, '(%S+) (%S+)') do
  local limit = load(KEYS[tonumber(i)])
  limit.expiry = ARGV[tonumber(i)]
  -- The use may have left the window since.
  if take_out(limit, tonumber(at)) then
    save(limit)
  end
end
return 1
"""
)
