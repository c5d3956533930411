/** Checks a run against the promises of docs/coherence.md and docs/reliability.md. */
import { isForeign } from '../../src/cache/version.ts';
import { checkDependents, isDependent } from './dependents.ts';
import { checkSurvival, isBehindSplit, isLostInSplit, mayBeAtOldMaster } from './failover-rules.ts';
import type { Cause, State } from './history.ts';
import { clockSpread, type Plan } from './plan.ts';
import { coherentFrom, type Operation, type Read, type Violation } from './records.ts';
import type { Outcome } from './simulate.ts';
import type { Received, SocketClient } from './socket-client.ts';
import { checkCalm, checkFallback } from './state-rules.ts';

/** HEARTBEAT_TIMEOUT_MS plus a tick of the coarse clock. */
const BOUND_MS = 1030;
/** The largest difference between two estimates of the clock of a server: see "Versions" in docs/architecture.md. */
const CLOCK_TOLERANCE_MS = 250;
/** The configuration with CACHE_REWARM_ON_DATA_LOSS. */
const REWARMED = 5;

export function check(run: Outcome): Violation[] {
  // A calculation may be a miss although Redis has its value. Its own rule is about the values that are returned.
  const outcome = { ...run, reads: run.reads.filter(({ key }) => !isDependent(key)) };
  const { faults, unsettled, endedAt } = outcome;
  return [
    ...faults.map((error) =>
      violation('no fault', `thrown: ${(error as Error).stack ?? String(error)}`, endedAt),
    ),
    ...unsettled.map((text) => violation('recovery', text, endedAt)),
    // Coherence 5, "Readers can see it".
    ...outcome.hidden.map(([at, replica]) =>
      violation('state', `r${replica} is coherent while its circuit breaker is open`, at, undefined, replica),
    ),
    ...checkReads(outcome),
    ...checkDependents(run),
    ...checkYielding(outcome),
    ...checkFallback(outcome),
    ...checkCalm(outcome),
    ...checkOrder(outcome),
    ...checkWrites(outcome),
    ...checkSurvival(outcome),
    ...outcome.sockets.flatMap((socket, i) => checkSocket(outcome, socket, i)),
  ];
}

/** How far two clocks of the run may differ. */
function toleranceOf(plan: Plan): number {
  return CLOCK_TOLERANCE_MS + clockSpread(plan);
}

function violation(rule: string, text: string, at: number, key?: string, replica?: number): Violation {
  return { rule, text, at, key, replica };
}

/** Coherence 2, "The bound": the value of an unmarked read was in Redis within the bound before the read. */
function checkReads(outcome: Outcome): Violation[] {
  const found: Violation[] = [];
  const { redis, reads, operations, plan } = outcome;
  const tolerance = toleranceOf(plan);
  for (const read of reads) {
    if (isBehindSplit(outcome, read)) continue;
    const states = redis.history.of(read.key);
    if (read.mark !== undefined) {
      const why = markedFault(outcome, read, states, operations);
      if (why !== undefined)
        found.push(violation('marked', `${describe(read)}: ${why}`, read.end, read.key, read.replica));
      continue;
    }
    const since = read.kind === 'last' ? read.start : read.start - BOUND_MS;
    const fits = states.some(
      (state) =>
        showsAt(state, read.value) &&
        state.at <= read.end &&
        (endOf(state) + clockSpread(plan) >= since ||
          swappedUnnoticed(outcome, states[state.index + 1], read)),
    );
    const early =
      read.value === undefined && states.some((state) => expiredEarly(state, read, since, tolerance));
    const late = read.kind === 'last' && states.some((state) => expiredLate(state, read, tolerance));
    if (!fits && !early && !late)
      found.push(violation('bound', describe(read), read.end, read.key, read.replica));
  }
  return found;
}

function describe({ replica, kind, key, value, start, end }: Read): string {
  return `r${replica} ${kind} ${key} from ${start.toFixed(3)} to ${end.toFixed(3)} returned ${value ?? 'no value'}`;
}

function endOf(state: State): number {
  return Math.min(state.until, state.expires);
}

/** Coherence, "What is not promised": SWAPDB is not detected while Redis refuses writes. */
function swappedUnnoticed({ plan }: Outcome, next: State | undefined, read: Read): boolean {
  if (next?.cause !== 'swap') return false;
  return plan.steps.some(
    (step) =>
      'trouble' in step &&
      (step.trouble.kind === 'read-only' || step.trouble.kind === 'full') &&
      step.at <= read.end &&
      step.at + step.trouble.ms >= next.at,
  );
}

/** Whether the state has this value. */
function showsAt(state: State, value: string | undefined): boolean {
  return state.value === value;
}

/** The replica's clock may be ahead of Redis's clock, or Redis may not have deleted the expired key yet. */
function expiredEarly(state: State, read: Read, since: number, tolerance: number): boolean {
  return state.value !== undefined && state.expires - tolerance <= read.end && state.until >= since;
}

function expiredLate(state: State, read: Read, tolerance: number): boolean {
  return state.value === read.value && Math.abs(state.expires - read.end) < tolerance;
}

/** A marked read must not return a value without a writer, an expired value, or a pending write of another replica. */
function markedFault(
  outcome: Outcome,
  read: Read,
  states: readonly State[],
  operations: readonly Operation[],
): string | undefined {
  if (read.value === undefined) return undefined;
  const writer = operations.find(({ key, value }) => key === read.key && value === read.value);
  const inRedis = states.filter(({ value }) => value === read.value);
  if (writer === undefined && inRedis.length === 0) return 'no writer wrote the value';
  if (writer !== undefined && writer.sent > read.end) return 'the value is not written yet';
  const hidden = inRedis.length === 0 && writer !== undefined && !mayBeAtOldMaster(outcome, writer, read.end);
  if (hidden && writer.replica !== read.replica) return 'the value is a pending write of another replica';
  if (writer?.ttlMs !== undefined) {
    const begin = Math.max(writer.answered ?? writer.sent, ...inRedis.map(({ at }) => at));
    if (read.start > begin + writer.ttlMs + toleranceOf(outcome.plan)) return 'the value has expired';
  }
  return undefined;
}

/**
 * Reliability 3: a pending write yields to a newer change that the link reports. So while the link is up, a process
 * does not serve a pending write later than the bound after a newer change was acknowledged.
 */
function checkYielding(outcome: Outcome): Violation[] {
  const { reads, operations, redis, coherence, plan } = outcome;
  const found: Violation[] = [];
  for (const read of reads) {
    if (isBehindSplit(outcome, read)) continue;
    if (read.mark === undefined || read.value === undefined) continue;
    const older = operations.find(({ key, value }) => key === read.key && value === read.value);
    if (older?.answered === undefined || !PENDING.has(older.outcome ?? '')) continue;
    const { answered } = older;
    const newer = redis.history.of(read.key).find((state) => {
      const by = state.operation === undefined ? undefined : operations[state.operation]!;
      return by?.kind === 'put' && by.sent > answered + toleranceOf(plan) && state.at + BOUND_MS < read.start;
    });
    if (newer === undefined || !coherentFrom(coherence[read.replica]!, newer.at - BOUND_MS, read.start))
      continue;
    const text = `${describe(read)}, a pending write, after #${newer.operation} was applied at ${newer.at.toFixed(3)}`;
    found.push(violation('yields', text, read.end, read.key, read.replica));
  }
  return found;
}

/** Coherence 3, "No way back": on a replica that stays coherent, no read returns an older state after a newer state. */
function checkOrder(outcome: Outcome): Violation[] {
  const { redis, reads, plan } = outcome;
  const tolerance = toleranceOf(plan);
  const found: Violation[] = [];
  const groups = new Map<string, Read[]>();
  for (const read of reads) {
    if (read.mark !== undefined || read.losses[0] !== read.losses[1]) continue;
    if (isBehindSplit(outcome, read)) continue;
    const name = `${read.replica} ${read.incarnation} ${read.losses[0]} ${read.key}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [read]);
    else group.push(read);
  }
  for (const group of groups.values()) {
    const states = redis.history.of(group[0]!.key);
    const assigned: { readonly end: number; readonly place: number; readonly read: Read }[] = [];
    for (const read of group) {
      let floor = -1;
      let last: Read | undefined;
      for (const other of assigned) {
        if (other.end >= read.start || other.place <= floor) continue;
        floor = other.place;
        last = other.read;
      }
      const place = placeOf(states, read, floor, tolerance);
      if (place !== undefined) assigned.push({ end: read.end, place, read });
      // A value that never existed breaks another rule.
      else if (placeOf(states, read, -1, tolerance) !== undefined && last !== undefined)
        found.push(
          violation(
            'no way back',
            `${describe(read)} after ${describe(last)}`,
            read.end,
            read.key,
            read.replica,
          ),
        );
    }
  }
  return found;
}

/** The earliest place in the history, from `floor` on, that matches the read. */
function placeOf(states: readonly State[], read: Read, floor: number, tolerance: number): number | undefined {
  for (const state of states) {
    if (state.at > read.end) return undefined;
    if (state.index >= floor && state.value === read.value) return state.index;
    const over = state.index + 0.5;
    if (over >= floor && read.value === undefined && state.expires - tolerance <= read.end) return over;
  }
  return undefined;
}

const APPLIED = new Set(['created', 'replaced', 'stored', 'deleted', 'absent']);
const PENDING = new Set(['accepted', 'unknown']);

/** Reliability 3, "What was acknowledged is not lost": no older change takes effect after an acknowledged one. */
function checkWrites(outcome: Outcome): Violation[] {
  const { redis, plan, operations } = outcome;
  const found: Violation[] = [];
  for (const key of plan.keys) {
    const states = redis.history.of(key);
    for (const newer of operations) {
      if (!newer.covers(key) || newer.outcome === undefined || isLostInSplit(outcome, newer)) continue;
      const acknowledged = APPLIED.has(newer.outcome);
      if (!acknowledged && !PENDING.has(newer.outcome)) continue;
      const effect = states.find(({ operation }) => operation === newer.id);
      if (newer.kind === 'put' && acknowledged && effect === undefined)
        found.push(
          violation(
            'acknowledged',
            `#${newer.id} is ${newer.outcome}, and Redis never stored it`,
            newer.answered!,
            key,
          ),
        );
      if (!acknowledged && effect === undefined) {
        const lost = lostPending(outcome, key, newer, states);
        if (lost)
          found.push(
            violation(
              'pending',
              `#${newer.id} is ${newer.outcome}, and was never applied`,
              newer.answered!,
              key,
            ),
          );
        continue;
      }
      const from = effect?.at ?? newer.answered!;
      const undone = states.find((state) => state.at > from && isOlder(outcome, state, newer, states, from));
      if (undone !== undefined)
        found.push(
          violation(
            'older after newer',
            `#${undone.operation} took effect at ${undone.at.toFixed(3)}, after #${newer.id} (${newer.outcome}) did at ${from.toFixed(3)}`,
            undone.at,
            key,
          ),
        );
    }
  }
  return found;
}

/** Whether a change older than `newer` made the state, and the documents do not allow that. */
function isOlder(
  outcome: Outcome,
  state: State,
  newer: Operation,
  states: readonly State[],
  from: number,
): boolean {
  if (state.operation === undefined || state.operation === newer.id) return false;
  const older = outcome.operations[state.operation]!;
  const pending = PENDING.has(older.outcome ?? '');
  const tolerance =
    pending || newer.outcome === undefined || PENDING.has(newer.outcome) ? toleranceOf(outcome.plan) : 0;
  if (older.answered === undefined || older.answered + tolerance >= newer.sent) return false;
  if (older.kind !== 'put' && removesOlder(outcome, state, older, states)) return false;
  return !(
    (pending || isRewarmed(outcome, older, state)) &&
    couldNotHear(outcome, older, newer, states, from, state)
  );
}

/** Reliability: with CACHE_REWARM_ON_DATA_LOSS, the entries of L1 are written back like pending writes. */
function isRewarmed({ plan, losses }: Outcome, older: Operation, state: State): boolean {
  return plan.config === REWARMED && losses.some(({ at }) => at > older.answered! && at < state.at);
}

/**
 * Whether a delete removed a value older than the delete, or a value of another program, which has no version. See
 * coherence 6, and "What is not promised".
 */
function removesOlder(
  { operations }: Outcome,
  state: State,
  remover: Operation,
  states: readonly State[],
): boolean {
  const { operation, cause, version } = states[state.index - 1]!;
  if (operation === undefined && remover.kind === 'invalidate')
    return cause === 'foreign' && (version === undefined || isForeign(version));
  return operation !== undefined && operations[operation]!.sent < remover.sent;
}

/** Causes that the link reports without a stamp. */
const UNEXPLAINED = new Set<Cause>(['foreign', 'flush', 'lost', 'failover', 'swap']);

/**
 * Coherence, "What is not promised": a pending change takes effect when Redis accepts it. Meanwhile others may have
 * written and deleted a newer value, and Redis then has no trace of it. That is allowed only if the process of the
 * pending change could not receive the newer change in time.
 */
function couldNotHear(
  { coherence }: Outcome,
  older: Operation,
  newer: Operation,
  states: readonly State[],
  from: number,
  { index, at: until }: State,
): boolean {
  const between = states.filter((state) => state.at >= from && state.index < index);
  // A failover lost the newer change.
  if (between.some(({ cause }) => cause === 'lost' || cause === 'failover')) return true;
  const gone = between.filter(({ value, cause }) => value === undefined || cause === 'foreign');
  // A value that reached Redis after its deadline expired at once.
  const expired = states.filter(
    ({ at, expires }) => at < until && expires < until && Math.max(at, expires) >= from,
  );
  // A delete leaves no trace in Redis.
  if (newer.kind === 'put' && gone.length === 0 && expired.length === 0) return false;
  if (gone.some(({ value, cause }) => value === undefined && UNEXPLAINED.has(cause))) return true;
  if (until - from < BOUND_MS) return true;
  return !coherentFrom(coherence[older.replica]!, from - BOUND_MS, until);
}

/** Whether a pending write was lost although its process did not end and no change that is not older exists. */
function lostPending(
  { operations, replicas, losses, endedAt, plan }: Outcome,
  key: string,
  pending: Operation,
  states: readonly State[],
): boolean {
  if (replicas[pending.replica]!.incarnation !== pending.incarnation) return false;
  if (pending.kind !== 'put') return false;
  if (pending.ttlMs !== undefined && pending.sent + pending.ttlMs < endedAt) return false;
  if (losses.some(({ at, covers }) => at > pending.sent && covers(key))) return false;
  const later = operations.some(
    (other) =>
      other !== pending &&
      other.covers(key) &&
      (other.answered ?? Number.POSITIVE_INFINITY) + toleranceOf(plan) >= pending.sent &&
      (APPLIED.has(other.outcome ?? '') ||
        PENDING.has(other.outcome ?? '') ||
        other.answered === undefined ||
        other.outcome === 'write_unknown'),
  );
  // A change of another program has no version. A change that the link reports counts as newer than a pending write.
  const heard = states.some(({ at, operation }) => at >= pending.sent - BOUND_MS && operation === undefined);
  return !later && !heard;
}

/** Coherence 4: a subscriber ends with the last version of every key, and never receives an older after a newer one. */
function checkSocket(outcome: Outcome, socket: SocketClient, index: number): Violation[] {
  const { redis, plan, endedAt } = outcome;
  const found: Violation[] = [];
  const { keys, types, prefixes, values } = socket.plan;
  const covered = plan.keys.filter(
    (key) =>
      keys.includes(key) ||
      types.some((type) => key.startsWith(`${type}:`) || (type === 'other' && key.startsWith('desk:'))) ||
      prefixes.some((prefix) => key.startsWith(prefix)),
  );
  if (!socket.current)
    found.push(
      violation(
        'subscriber',
        `socket ${index} has no snapshot at the end`,
        endedAt,
        undefined,
        socket.plan.replica,
      ),
    );
  for (const key of covered) {
    const states = redis.history.of(key);
    const last = states.at(-1)!;
    const near = states.some(({ expires }) => Math.abs(expires - endedAt) < 1000 + clockSpread(plan));
    const version = last.expires < endedAt ? undefined : last.version;
    const view = socket.view.get(key) ?? 'none';
    const fits = view === (version ?? 'none');
    if (socket.current && !near && !fits)
      found.push(
        violation(
          'subscriber',
          `socket ${index} (${values ? 'with' : 'without'} values) has ${view} of ${key} at the end, Redis ${version ?? 'none'}`,
          endedAt,
          key,
          socket.plan.replica,
        ),
      );
    const received = socket.received.filter((each) => each.key === key);
    const back = wayBack(states, received);
    if (back !== undefined)
      found.push(
        violation(
          'subscriber order',
          `socket ${index} received ${back.version ?? 'none'} of ${key} by ${back.how} after a newer version`,
          back.at,
          key,
          socket.plan.replica,
        ),
      );
  }
  return found;
}

function wayBack(states: readonly State[], received: readonly Received[]): Received | undefined {
  let floor = -1;
  let last = '';
  let epoch = -1;
  for (const each of received) {
    if (each.epoch !== epoch) {
      epoch = each.epoch;
      floor = -1;
    }
    if (each.version === undefined) continue;
    // A pending write is pushed before Redis has it. A pending write that Redis never had is not in the history.
    const place = states.find(({ index, version }) => index >= floor && version === each.version);
    if (place === undefined) {
      // A pending write may reach Redis after a newer value that was pushed later and deleted meanwhile.
      const newer = !isForeign(last) && !isForeign(each.version) && each.version > last;
      if (!newer && states.some(({ version }) => version === each.version)) return each;
      continue;
    }
    floor = place.index;
    last = each.version;
  }
  return undefined;
}
