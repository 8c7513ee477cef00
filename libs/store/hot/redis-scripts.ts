/**
 * What Redis does in one step. The rule of the limits is that of `libs/resilience/gcra.ts`, in the
 * same order of operations on the same kind of numbers, so that both agree to the last bit; the
 * suite compares them. A level is stored as `<level> <atMs>`, with 17 digits, which is exact.
 */

/**
 * KEYS: one for each limit. ARGV: `take` or `give`, then limit, period, burst, cost of each.
 * Returns whether it was done (1 or 0), the server's time, and the level of each limit before.
 */
const limits = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local isTake = ARGV[1] == 'take'
local reply = {1, string.format('%.17g', now)}
local levels = {}
for i = 1, #KEYS do
  local limit, period = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local burst, cost = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local level = 0
  local stored = redis.call('GET', KEYS[i])
  if stored then
    local before, at = string.match(stored, '^(%S+) (%S+)$')
    local elapsed = math.max(0, now - tonumber(at))
    level = math.max(0, tonumber(before) - (elapsed * limit) / period)
  end
  levels[i] = level
  reply[i + 2] = string.format('%.17g', level)
  if isTake and level + cost > burst + 1e-6 then reply[1] = 0 end
end
if reply[1] == 0 then return reply end
for i = 1, #KEYS do
  local limit, period = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local cost = tonumber(ARGV[4 * i + 1])
  local level = isTake and levels[i] + cost or levels[i] - cost
  if level > 0 and cost ~= 0 then
    local life = math.ceil((level * period) / limit) + 1000
    local value = string.format('%.17g %.17g', level, now)
    redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', life))
  elseif cost ~= 0 then
    redis.call('DEL', KEYS[i])
  end
end
return reply`;

/** The time to live counts from the first addition: later ones leave it. */
const add = `
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`;

const deleteEqual = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** ARGV: what is there, what shall be, and its time to live. */
const replaceEqual = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

/** ARGV: the time to live, then a value for each key. */
const setAll = `
for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1]) end
return #KEYS`;

export const redisScripts = { limits, add, deleteEqual, replaceEqual, setAll };
