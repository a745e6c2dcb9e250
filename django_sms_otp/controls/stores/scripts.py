"""The Lua scripts that Redis or Valkey runs. Each script is one atomic step.

A key holds one limit in one window: a hash with the uses of each grain. Grains are numbered.
The application sends its own time as the number of the current grain.
"""

from __future__ import annotations

__all__ = ["GIVE_BACK", "REFUND", "TAKE"]

TAKE = """
-- KEYS: the ticket, and a key for each limit. ARGV: the expiry of the ticket in seconds, the
-- number of grains in which a use counts, the limits as JSON, and whether the number may use
-- what is reserved: "yes", "no" or "unknown"; "look" counts nothing.
--
-- Returns for each limit the first grain in which one more use fits, or 0 if it fits now. The
-- grain is negative if only the reserve is left. Returns nothing, and counts nothing, if the
-- answer depends on what is unknown.

local ticket, ticket_expiry, life = KEYS[1], ARGV[1], tonumber(ARGV[2])

local function read(limit, key)
  limit.key, limit.uses = key, {}
  local hash = redis.call('HGETALL', key)
  for i = 1, #hash, 2 do
    local grain = tonumber(hash[i])
    limit.uses[grain] = tonumber(hash[i + 1])
    -- A clock that steps back must not free a limit.
    limit.grain = math.max(limit.grain, grain)
  end
end

-- Returns the first grain in which one more use fits, or 0 if it fits now.
local function free_at(limit, count)
  local used = 0
  for grain = limit.grain, limit.grain - life + 1, -1 do
    used = used + (limit.uses[grain] or 0)
    if used >= count then
      return grain + life
    end
  end
  return 0
end

local function count(limit)
  for grain in pairs(limit.uses) do
    if grain <= limit.grain - life then
      redis.call('HDEL', limit.key, grain)
    end
  end
  redis.call('HINCRBY', limit.key, limit.grain, 1)
  redis.call('EXPIRE', limit.key, limit.expiry)
  redis.call('HSET', ticket, limit.key, limit.grain)
end

local limits, answer, is_over, is_open_used_up = cjson.decode(ARGV[3]), {}, {}, false
for i, limit in ipairs(limits) do
  read(limit, KEYS[i + 1])
  answer[i] = free_at(limit, limit.count)
  if answer[i] > 0 then
    is_over[limit.refusal] = true
  elseif limit.open < limit.count and ARGV[4] ~= 'yes' and free_at(limit, limit.open) > 0 then
    is_open_used_up = true
    answer[i] = -free_at(limit, limit.open)
    if ARGV[4] == 'no' then
      is_over[limit.reserve_refusal] = true
    end
  end
end

if is_open_used_up and ARGV[4] == 'unknown' and not is_over.hard then
  return {}
end

-- A refused request uses up no limit.
if ARGV[4] ~= 'look' and not is_over.hard then
  for _, limit in ipairs(limits) do
    if limit.counts_withheld or not is_over.soft then
      count(limit)
    end
  end
  redis.call('EXPIRE', ticket, ticket_expiry)
end
return answer
"""

GIVE_BACK = """
-- KEYS: the ticket, and the key of each limit.

for i = 2, #KEYS do
  local grain = redis.call('HGET', KEYS[1], KEYS[i])
  if grain then
    redis.call('HDEL', KEYS[1], KEYS[i])
    -- The use may have left the window since.
    if redis.call('HEXISTS', KEYS[i], grain) == 1 then
      redis.call('HINCRBY', KEYS[i], grain, -1)
    end
  end
end
"""

REFUND = """
-- KEYS: the name of the refund, and the key of each limit. ARGV: the expiry of the name in
-- seconds, and the grain of the use in each limit.

-- A client may send the command twice.
if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then
  for i = 2, #KEYS do
    -- The use may have left the window since.
    if tonumber(redis.call('HGET', KEYS[i], ARGV[i]) or 0) > 0 then
      redis.call('HINCRBY', KEYS[i], ARGV[i], -1)
    end
  end
end
"""
