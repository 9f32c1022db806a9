/**
 * The two algorithms as Redis scripts, each of one key: a script runs to its end before anything else does, and the time is the server's own,
 * so the clocks of the nodes do not matter. The numbers are those of the TypeScript beside it, whole and below 2^53, which Lua's doubles hold
 * exactly. A refusal writes nothing. A key lives until its client has the whole allowance again.
 *
 * Should the server's clock be set back, nothing is given for the time that comes twice; should it go back by more than a whole refill, what
 * is stored is taken as of now, or the client would wait until the old time comes again.
 */
import type { SlidingWindow, WindowState } from './sliding-window.ts';
import type { BucketState, TokenBucket } from './token-bucket.ts';

export type RedisScript<Rule, State> = {
  /** Of the state's form: part of the key. */
  readonly name: string;
  /** KEYS[1]; ARGV: `args`, then the weight. Answers 1 or 0 for admitted, then the numbers of `state`. */
  readonly lua: string;
  readonly args: (rule: Rule) => readonly number[];
  readonly state: (numbers: readonly number[]) => State;
};

const NOW = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local stored = redis.call('GET', KEYS[1])
`;

const BUCKET = `
local capacity, rate, weight = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) * 1000000000
${NOW}
local level, at = capacity, now
if stored then
  local storedLevel, storedAt = string.match(stored, '^(%d+) (%d+)$')
  level, at = math.min(capacity, tonumber(storedLevel)), tonumber(storedAt)
  local refill = (capacity - level) / rate
  if now - at > refill + 2 then level = capacity
  elseif now > at then level = math.min(capacity, level + (now - at) * rate)
  end
  if now > at or at - now > capacity / rate then at = now end
end
local admitted = 0
if weight <= level then
  admitted = 1
  level = level - weight
  local ttl = math.ceil((capacity - level) / rate / 1000) + 1000
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', level, at), 'PX', string.format('%.0f', ttl))
end
return { admitted, level, 0 }
`;

const WINDOW = `
local limit, length, weight = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
${NOW}
local start = now - now % length
local previous, current = 0, 0
if stored then
  local storedStart, storedPrevious, storedCurrent = string.match(stored, '^(%d+) (%d+) (%d+)$')
  storedStart, storedPrevious, storedCurrent = tonumber(storedStart), tonumber(storedPrevious), tonumber(storedCurrent)
  if storedStart == start then previous, current = storedPrevious, storedCurrent
  elseif start - storedStart == length then previous = storedCurrent
  elseif start < storedStart then
    previous, current = storedPrevious, storedCurrent
    if storedStart - start <= 2 * length then start, now = storedStart, storedStart end
  end
end
local left = start + length - now
local admitted = 0
if weight <= limit and previous * left + (current + weight) * length <= limit * length then
  admitted = 1
  current = current + weight
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', start, previous, current), 'PX', string.format('%.0f', 2 * length / 1000))
end
return { admitted, previous, current, length - left }
`;

export const BUCKET_SCRIPT: RedisScript<TokenBucket, BucketState> = {
  name: 'bucket',
  lua: BUCKET,
  args: ({ capacityUnits, unitsPerUs }) => [capacityUnits, unitsPerUs],
  state: ([level = 0, at = 0]) => ({ level, at }),
};

export const WINDOW_SCRIPT: RedisScript<SlidingWindow, WindowState> = {
  name: 'window',
  lua: WINDOW,
  args: ({ limit, lengthUs }) => [limit, lengthUs],
  state: ([previous = 0, current = 0, at = 0]) => ({ start: 0, previous, current, at }),
};
