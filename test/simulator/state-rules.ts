/** Rules about the states of docs/coherence.md: L1 as the fallback, and faults that do not end the state coherent. */
import { clockSpread, type Trouble } from './plan.ts';
import type { Coherence, Operation, Read, Violation } from './records.ts';
import type { Outcome } from './simulate.ts';

/** How long a fault may have effects after its end. A half-open connection is detected after 3.5 s. */
const AFTERMATH_MS = 6000;
/** How long a message about a change may be in transit before a read begins. */
const MESSAGE_MS = 1300;
/** The configurations whose L1 holds every key. */
const HOLDS_ALL = new Set([0, 2, 5]);

const DISRUPTIVE = new Set<Trouble['kind']>([
  'slow',
  'partition',
  'cut',
  'half-open',
  'freeze',
  'restart-redis',
  'restart-replica',
  'hand-over',
  'kill',
  'cut-off',
  'move',
]);
/** L1 drops the entries of slots that another master owns now. */
const CHANGING = new Set<Trouble['kind']>(['hand-over', 'kill', 'cut-off', 'move']);
const DROPPING = new Set<Trouble['kind']>([
  'flush-all',
  'flush-other',
  'swap',
  'announce',
  'restart-replica',
]);

/**
 * Coherence, "States": while Redis does not answer, L1 is served until its values expire. A replica does not report a
 * miss for a value that it has read and no writer has changed.
 */
export function checkFallback(outcome: Outcome): Violation[] {
  if (!HOLDS_ALL.has(outcome.plan.config)) return [];
  const found: Violation[] = [];
  for (const read of outcome.reads) {
    if (read.value !== undefined || !/l2-|l2_/.test(read.mark ?? '')) continue;
    const before = outcome.reads.findLast(
      (other) =>
        other.key === read.key &&
        other.replica === read.replica &&
        other.incarnation === read.incarnation &&
        other.mark === undefined &&
        other.value !== undefined &&
        other.end <= read.start,
    );
    if (before === undefined || mayHaveGone(outcome, before, read)) continue;
    const text = `r${read.replica} ${read.kind} ${read.key} at ${read.end.toFixed(3)} returned no value, ${read.mark}, after ${before.value} at ${before.end.toFixed(3)}`;
    found.push({ rule: 'fallback', text, at: read.end, key: read.key, replica: read.replica });
  }
  return found;
}

function mayHaveGone({ redis, plan, operations, coherence }: Outcome, before: Read, read: Read): boolean {
  const since = before.start - MESSAGE_MS;
  const changed = redis.history
    .of(read.key)
    .some(
      ({ at, expires, value }) =>
        (at >= since && at <= read.end) ||
        (value === before.value && expires <= read.end + 100 + clockSpread(plan)),
    );
  const touched = operations.some((each) => touches(each, read, since));
  const dropped = plan.steps.some(
    (step) => 'trouble' in step && DROPPING.has(step.trouble.kind) && step.at >= since && step.at <= read.end,
  );
  const moved = plan.steps.some(
    (step) => 'trouble' in step && CHANGING.has(step.trouble.kind) && step.at <= read.end,
  );
  return changed || touched || dropped || moved || rearmed(coherence[read.replica]!, before.start, read.end);
}

/** A conditional change that was not sent to Redis does not change L1. */
function touches(operation: Operation, read: Read, since: number): boolean {
  if (!operation.covers(read.key) || operation.sent > read.end) return false;
  if (operation.conditional && operation.outcome === 'l2_unavailable') return false;
  return (operation.answered ?? Number.POSITIVE_INFINITY) >= since;
}

function rearmed(timeline: Coherence, from: number, until: number): boolean {
  return timeline.some(([at, state]) => state === 'coherent' && at >= from && at <= until);
}

/** Reliability, "What each fault does": a full Redis, a read-only Redis and other programs do not end the state. */
export function checkCalm({ plan, coherence }: Outcome): Violation[] {
  const troubles = plan.steps.flatMap((step) => {
    if (!('trouble' in step)) return [];
    const { trouble } = step;
    const end = Math.min(step.at + ('ms' in trouble ? trouble.ms : 0), Math.max(plan.endsAt, step.at));
    if (DISRUPTIVE.has(trouble.kind)) return [[step.at, end] as const];
    // The service reconnects when a replica becomes a master again, because the name may resolve to another server.
    return trouble.kind === 'read-only' ? [[end, end] as const] : [];
  });
  return coherence.flatMap((timeline, replica) =>
    timeline.flatMap(([at, state], i) => {
      if (state === 'coherent' || timeline[i - 1]?.[1] !== 'coherent') return [];
      if (troubles.some(([begin, end]) => begin <= at && at <= end + AFTERMATH_MS)) return [];
      return [{ rule: 'calm', text: `r${replica} is ${state} for no reason`, at, key: undefined, replica }];
    }),
  );
}
