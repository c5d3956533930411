/** What a failover may lose: docs/deployment/redis-servers.md and docs/deployment/cluster.md. */
import type { State } from './history.ts';
import type { Operation, Read, Violation } from './records.ts';
import type { Outcome } from './simulate.ts';

/** How long the old master may be used after the message of a Sentinel: as long as its connections close. */
const CLOSING_MS = 110;
const ACKNOWLEDGED = new Set(['created', 'replaced', 'stored', 'deleted']);

/**
 * REDIS_MIN_REPLICAS_ACK: no failover loses a change that was answered with 201 or 204. The lost states are those between
 * the state that the new master has, and the failover.
 */
export function checkSurvival({ plan, redis, operations }: Outcome): Violation[] {
  if (!plan.acks) return [];
  const found: Violation[] = [];
  for (const key of redis.history.keys()) {
    const states = redis.history.of(key);
    for (const after of states) {
      if (after.cause !== 'failover') continue;
      for (const lost of lostAt(states, after)) {
        const operation = lost.operation === undefined ? undefined : operations[lost.operation];
        if (operation?.key !== key || !ACKNOWLEDGED.has(operation.outcome ?? '')) continue;
        const text = `the failover at ${after.at.toFixed(3)} lost #${operation.id}, which is ${operation.outcome}`;
        found.push({ rule: 'survives', text, at: after.at, key, replica: operation.replica });
      }
    }
  }
  return found;
}

function lostAt(states: readonly State[], after: State): readonly State[] {
  const before = states.slice(0, after.index);
  const kept = before.findLastIndex(
    ({ version, value }) => version === after.version && value === after.value,
  );
  return before.slice(kept + 1);
}

/**
 * Whether the old master alone made the change, although another server had replaced it. That is allowed only until a
 * Sentinel has announced the new master to the process, and never with REDIS_MIN_REPLICAS_ACK.
 */
export function isLostInSplit(outcome: Outcome, operation: Operation): boolean {
  const { redis, plan } = outcome;
  if (plan.acks || operation.answered === undefined || operation.outcome === 'accepted') return false;
  const { key, id, answered } = operation;
  if (key !== undefined && redis.history.of(key).some((state) => state.operation === id)) return false;
  return isInSplit(outcome, operation, answered, answered);
}

/** Whether the process may not know yet that another server has replaced the master from which it reads. */
export function isBehindSplit(outcome: Outcome, read: Read): boolean {
  return isInSplit(outcome, read, read.start, read.end);
}

/** Whether others may have read the change from the old master: a pending write may reach it too. */
export function mayBeAtOldMaster(outcome: Outcome, operation: Operation, before: number): boolean {
  return isInSplit(outcome, operation, operation.sent, before);
}

function isInSplit(
  { splits, replicas }: Outcome,
  { replica, incarnation }: Pick<Operation, 'replica' | 'incarnation'>,
  since: number,
  before: number,
): boolean {
  const origin = replicas[replica]!.originOf(incarnation);
  return splits.some(({ from, until, told }) => {
    const knows = Math.min(until, told.get(origin) ?? Number.POSITIVE_INFINITY);
    return from <= before && knows + CLOSING_MS >= since;
  });
}
