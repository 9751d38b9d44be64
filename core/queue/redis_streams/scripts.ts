// The state changes that must be atomic, as Lua scripts. Each one's contract is on top of it; keys.ts says what the keys hold.
//
// Numbers of entries travel as strings: Lua would print large ones as 1e+15.

/**
 * begin: what a log has from its first use on. KEYS  meta. ARGV  partitions wanted, a new incarnation.
 * Gives `partitions incarnation`: those that the log has. A log of an older build gets its incarnation here.
 */
export const BEGIN = `
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[1])
redis.call('HSETNX', KEYS[1], 'incarnation', ARGV[2])
return redis.call('HGET', KEYS[1], 'partitions') .. ' ' .. redis.call('HGET', KEYS[1], 'incarnation')
`

/**
 * Before every script that relies on what the log held when this process began. KEYS[1] is meta, the last of ARGV the incarnation
 * this process knows. When the log has none or another one Redis lost it since: error EMPTIED and nothing changed.
 */
const GUARD = `
if redis.call('HGET', KEYS[1], 'incarnation') ~= ARGV[#ARGV] then
  return redis.error_reply('EMPTIED the log that this process began with is gone')
end
`

/**
 * commit: all jobs of a group, in order, or what a job before them stopped at.
 *
 * KEYS  meta, state, counts of the member, holds, writer; then log, data, acked of each partition used (KEYS[6 + 3i ...]).
 * ARGV  head (JSON), then payloads of the appends in order, then values of the state in order; incarnation.
 * head  id      number of this commit: the same one again changes nothing and gives the same answer
 *       max     payload bytes the log may hold
 *       parts   partitions used, as numbers
 *       fences  [[i, epoch]]: partitions (index in parts) that must still be ours
 *       rel     [[i, [seq], bytes]]: entries that nobody waits for any more
 *       holds   [[field, seq or ""]]
 *       jobs    [{exp: [[key, value or false]], a: [[i, meta text, bytes]], k: [[i, cursor, [seq]]], rel, counts: {name: n},
 *               set: [key], del: [key]}]
 * Gives JSON: {moved: [partition]} and nothing changed; or
 *       {r: [[seq] of each job done], prev: {i: last seq before}, bytes, full: index of the job that does not fit or absent,
 *       stale: index of the job whose \`exp\` is not what the state has, or absent}.
 * Jobs behind a full or stale one are not done. At maxmemory: error OOM and nothing changed when a job appends; others always pass
 * (the first write of a script decides: DEL is free, HINCRBY is not).
 */
export const COMMIT = `${GUARD}
local head = cjson.decode(ARGV[1])
local seen = redis.call('GET', KEYS[5])
if seen then
  local at = string.find(seen, ' ', 1, true)
  if string.sub(seen, 1, at - 1) == head.id then return string.sub(seen, at + 1) end
end
local moved = {}
for _, fence in ipairs(head.fences) do
  local p = head.parts[fence[1] + 1]
  if redis.call('HGET', KEYS[1], 'epoch:' .. p) ~= fence[2] then moved[#moved + 1] = p end
end
if #moved > 0 then return cjson.encode({ moved = moved }) end
if head.appends then redis.call('HINCRBY', KEYS[1], 'seq', 0) else redis.call('DEL', KEYS[5]) end

local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
local function release(list)
  for _, one in ipairs(list) do
    local base = 6 + one[1] * 3
    local seqs = one[2]
    for from = 1, #seqs, 1000 do
      local fields, ids = {}, {}
      for i = from, math.min(from + 999, #seqs) do
        fields[#fields + 1] = seqs[i]
        ids[#ids + 1] = seqs[i] .. '-0'
      end
      redis.call('XDEL', KEYS[base], unpack(ids))
      redis.call('HDEL', KEYS[base + 1], unpack(fields))
      redis.call('HDEL', KEYS[base + 2], unpack(fields))
    end
    bytes = bytes - one[3]
  end
end
release(head.rel)
for _, hold in ipairs(head.holds) do
  if hold[2] == '' then redis.call('HDEL', KEYS[4], hold[1]) else redis.call('HSET', KEYS[4], hold[1], hold[2]) end
end

local payload = 2
local value = 2
for _, job in ipairs(head.jobs) do value = value + #job.a end
local done, prev, full, stale = {}, {}, nil, nil
for j, job in ipairs(head.jobs) do
  for _, one in ipairs(job.exp or {}) do
    if redis.call('HGET', KEYS[2], one[1]) ~= one[2] then stale = j - 1 end
  end
  if stale then break end
  local adding = 0
  for _, append in ipairs(job.a) do adding = adding + append[3] end
  if adding > 0 and bytes + adding > head.max then full = j - 1 break end
  local given = {}
  for _, append in ipairs(job.a) do
    local p, base = head.parts[append[1] + 1], 6 + append[1] * 3
    local seq = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'seq', 1))
    local name = tostring(append[1])
    if prev[name] == nil then prev[name] = redis.call('HGET', KEYS[1], 'last:' .. p) or '0' end
    redis.call('HSET', KEYS[1], 'last:' .. p, seq)
    redis.call('XADD', KEYS[base], seq .. '-0', 'm', append[2])
    redis.call('HSET', KEYS[base + 1], seq, ARGV[payload])
    payload = payload + 1
    given[#given + 1] = seq
  end
  bytes = bytes + adding
  for _, ack in ipairs(job.k) do
    local acked = KEYS[6 + ack[1] * 3 + 2]
    for _, seq in ipairs(ack[3]) do
      redis.call('HSET', acked, seq, (redis.call('HGET', acked, seq) or '') .. ack[2] .. '\\n')
    end
  end
  release(job.rel)
  for name, n in pairs(job.counts) do redis.call('HINCRBY', KEYS[3], name, n) end
  for _, key in ipairs(job.set) do
    redis.call('HSET', KEYS[2], key, ARGV[value])
    value = value + 1
  end
  for _, key in ipairs(job.del) do redis.call('HDEL', KEYS[2], key) end
  done[j] = given
end
redis.call('HSET', KEYS[1], 'bytes', string.format('%.0f', bytes))
local answer = cjson.encode({ r = done, prev = prev, bytes = bytes, full = full, stale = stale })
redis.call('SET', KEYS[5], head.id .. ' ' .. answer, 'PX', 86400000)
return answer
`

/**
 * beat: renews this member and what it owns, tells how things stand.
 *
 * KEYS  meta, alive, member; then the owner key of every partition.
 * ARGV  member, instance, lease in ms, then partition and epoch of what is owned, in pairs; incarnation.
 * Gives JSON: {now, named: the member's name is ours, alive: [member], owners: [token or ""], lost: [partition], bytes,
 *       last: [seq of each partition]}.
 * A lease that ran out is renewed when nobody else had the partition since (its epoch is the same).
 */
export const BEAT = `${GUARD}
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = tonumber(ARGV[3])
local holder = redis.call('GET', KEYS[3])
local named = not holder or holder == ARGV[2]
if named then
  redis.call('SET', KEYS[3], ARGV[2], 'PX', lease)
  redis.call('ZADD', KEYS[2], now, ARGV[1])
end
local lost = {}
for i = 4, #ARGV - 1, 2 do
  local p = tonumber(ARGV[i])
  if redis.call('HGET', KEYS[1], 'epoch:' .. ARGV[i]) == ARGV[i + 1] then
    redis.call('SET', KEYS[4 + p], ARGV[1], 'PX', lease)
  else
    lost[#lost + 1] = p
  end
end
local alive = redis.call('ZRANGEBYSCORE', KEYS[2], now - lease, '+inf')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 86400000)
local owners, last = {}, {}
for i = 4, #KEYS do
  owners[#owners + 1] = redis.call('GET', KEYS[i]) or ''
  last[#last + 1] = redis.call('HGET', KEYS[1], 'last:' .. (i - 4)) or '0'
end
local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
return cjson.encode({ now = now, named = named, alive = alive, owners = owners, lost = lost, bytes = bytes, last = last })
`

/**
 * name: takes a member's name that is free, or that `gone` has. KEYS  member. ARGV  instance, gone or "", lease in ms.
 * Gives who has it now.
 */
export const NAME = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return ARGV[1]
`

/**
 * acquire: takes a partition that nobody has, or that an earlier holder of the member's name had: that one is gone.
 *
 * KEYS  meta, owner. ARGV  partition, member, lease in ms, incarnation.
 * Gives the new epoch, or "" when somebody has it. With the new epoch every write of earlier owners is refused.
 */
export const ACQUIRE = `${GUARD}
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[2] then return '' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'epoch:' .. ARGV[1], 1))
`

/**
 * handover: gives a partition free. KEYS  meta, owner. ARGV  partition, epoch, incarnation. Nothing happens when it is not ours any more.
 */
export const HANDOVER = `${GUARD}if redis.call('HGET', KEYS[1], 'epoch:' .. ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('DEL', KEYS[2])
`

/**
 * declare: begins new lanes behind the last entry and ends retired ones, with what they cost.
 *
 * KEYS  meta, lanes, counts. ARGV  JSON {begin: [field], retire: [field], counts: {name: n}}, incarnation.
 * Gives JSON: {field: begin} of the new ones.
 */
export const DECLARE = `${GUARD}
local ask = cjson.decode(ARGV[1])
local seq = redis.call('HGET', KEYS[1], 'seq') or '0'
local begun = {}
for _, field in ipairs(ask.begin) do
  redis.call('HSETNX', KEYS[2], field, seq)
  begun[field] = redis.call('HGET', KEYS[2], field)
end
for _, field in ipairs(ask.retire) do redis.call('HDEL', KEYS[2], field) end
for name, n in pairs(ask.counts) do redis.call('HINCRBY', KEYS[3], name, n) end
return cjson.encode(begun)
`

/** leave: gives the member's name free. KEYS  member, alive, writer. ARGV  instance, member. */
export const LEAVE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[3])
return redis.call('ZREM', KEYS[2], ARGV[2])
`
