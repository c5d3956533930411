/** Calculations in a run: their steps, and the rule that none is served after an input has changed. */
import { below, pick, type Random, seeded } from '../../loadtest/support/random.ts';
import type { State } from './history.ts';
import type { Plan, Request, Step } from './plan.ts';
import { type Coherence, coherentFrom, type Read, type Violation } from './records.ts';
import type { Outcome } from './simulate.ts';

/** The calculations of A and B depend on these inputs. */
export const RULES = 'calculation:{ticker}:{client_id}:*=borrow_rate:{ticker},volatility:{ticker}';

/** By calculation, its inputs among the keys of a plan. */
const INPUTS_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ['calculation:A:c:1', ['borrow_rate:A', 'volatility:A']],
  ['calculation:B:c:1', ['borrow_rate:B']],
]);

/** HEARTBEAT_TIMEOUT_MS plus a tick of the coarse clock. */
const BOUND_MS = 1030;

export function isDependent(key: string): boolean {
  return INPUTS_OF.has(key);
}

/** Adds writes and reads of calculations to some plans, near the changes of their inputs. The other steps stay as they are. */
export function withDependents(plan: Plan): Plan {
  const random = seeded(Math.imul(plan.seed, 0xc2b2ae35) ^ 0x165667b1);
  if (random() < 0.5) return plan;
  const moments = plan.steps.map(({ at }) => at);
  const moment = () => Math.min(plan.endsAt, pick(moments, random) + random() * random() * 200);
  const keys = [...INPUTS_OF.keys()].filter((key) =>
    INPUTS_OF.get(key)!.every((each) => plan.keys.includes(each)),
  );
  if (keys.length === 0) keys.push('calculation:B:c:1');
  const steps: Step[] = [];
  const count = 10 + below(30, random);
  for (let i = 0; i < count; i++) {
    const key = pick(keys, random);
    const dice = random();
    const request: Request =
      dice < 0.3
        ? { op: 'put', key }
        : dice < 0.5
          ? { op: 'put', key: pick(INPUTS_OF.get(key)!, random) }
          : dice < 0.75
            ? { op: 'get', key }
            : dice < 0.9
              ? { op: 'socket-get', key }
              : { op: 'mget', keys };
    steps.push({ at: moment(), replica: below(plan.replicas, random), request });
  }
  // Readers come back after the bound.
  for (let i = 0; i < count; i++) {
    const at = Math.min(plan.endsAt, pick(moments, random) + BOUND_MS + random() * 400);
    steps.push({
      at,
      replica: below(plan.replicas, random),
      request: { op: 'get', key: pick(keys, random) },
    });
  }
  const theme = random();
  if (theme < 0.3) steps.push(...changeInGap(random, plan));
  else if (theme < 0.6) steps.push(...lateChange(random, plan));
  const endsAt = Math.max(plan.endsAt, ...steps.map(({ at }) => at));
  return { ...plan, endsAt, steps: [...plan.steps, ...steps].sort((a, b) => a.at - b.at) };
}

/** The link of a replica is down while an input changes. */
function changeInGap(random: Random, { replicas, endsAt }: Plan): Step[] {
  const replica = below(replicas, random);
  const other = (replica + 1) % replicas;
  const begin = endsAt + random() * 500;
  const put = (at: number, key: string): Step => ({
    at: begin + at,
    replica: other,
    request: { op: 'put', key },
  });
  const get = (at: number): Step => ({
    at: begin + at,
    replica,
    request: { op: 'get', key: 'calculation:A:c:1' },
  });
  const ms = 400 + random() * 400;
  return [
    put(0, 'borrow_rate:A'),
    put(5, 'volatility:A'),
    put(100, 'calculation:A:c:1'),
    get(150),
    { at: begin + 200, trouble: { kind: 'partition', replica, ms, ways: 'both' } },
    put(200 + random() * ms, pick(['borrow_rate:A', 'volatility:A'], random)),
    get(200 + ms + BOUND_MS + random() * 300),
    get(200 + ms + 3 * BOUND_MS),
  ];
}

/** A replica that does not reach Redis accepts a write of an input. It is made after a later calculation was stored. */
function lateChange(random: Random, { replicas, endsAt }: Plan): Step[] {
  const replica = below(replicas, random);
  const other = (replica + 1) % replicas;
  const begin = endsAt + random() * 500;
  const ms = 500 + random() * 300;
  const get = (at: number): Step => ({
    at: begin + at,
    replica: other,
    request: { op: 'get', key: 'calculation:B:c:1' },
  });
  return [
    { at: begin, trouble: { kind: 'partition', replica, ms, ways: 'both' } },
    { at: begin + 100, replica, request: { op: 'put', key: 'borrow_rate:B' } },
    { at: begin + 300, replica: other, request: { op: 'put', key: 'calculation:B:c:1' } },
    get(350),
    get(ms + 2 * BOUND_MS + random() * 500),
    get(ms + 3 * BOUND_MS + random() * 1000),
  ];
}

/** Coherence, "Values that depend on others": no calculation is older than its inputs beyond the bound. */
export function checkDependents({ reads, redis, operations, coherence }: Outcome): Violation[] {
  const found: Violation[] = [];
  for (const read of reads) {
    const inputs = INPUTS_OF.get(read.key);
    if (inputs === undefined || read.value === undefined) continue;
    // Another mark shows that Redis was not asked, or that the value is pending.
    const compared = read.kind === 'get' && /degraded$/.test(read.mark ?? '');
    if (read.mark !== undefined && !compared) continue;
    const stored = redis.history.of(read.key).find(({ value }) => value === read.value);
    if (stored === undefined) {
      found.push(violation(read, 'was never in Redis'));
      continue;
    }
    const writer = operations.find(({ value }) => value === read.value);
    for (const input of inputs) {
      const states = redis.history.of(input);
      const since = Math.max(stored.at, writer?.answered ?? stored.at);
      const isInTime = ({ at }: State) => at > since && at + BOUND_MS < read.start;
      const newer = states.find(
        (state) =>
          state.cause !== 'expire' &&
          isInTime(state) &&
          !isOrderUnknown(
            stored,
            states.slice(state.index, 2 + state.index).filter(isInTime),
            coherence[read.replica]!,
          ),
      );
      if (newer !== undefined)
        found.push(
          violation(read, `stored at ${stored.at.toFixed(3)}, ${input} changed at ${newer.at.toFixed(3)}`),
        );
    }
  }
  return found;
}

/**
 * Coherence, "What is not promised": where the link does not show the order, the comparison with Redis uses versions. A write
 * that was pending, or that was repeated after a failover, has a lower version than a calculation from before it.
 * @param changes a state of the input, and the next state if a reader can know it
 */
function isOrderUnknown(stored: State, [change, next]: readonly State[], timeline: Coherence): boolean {
  const isMissed = ({ at }: State) => !coherentFrom(timeline, at, at + BOUND_MS);
  if (!isMissed(change!)) return false;
  const { version } = change!;
  const isLower = version !== undefined && version < stored.version!;
  return isLower || (next !== undefined && isMissed(next));
}

function violation({ replica, kind, key, value, start, end }: Read, why: string): Violation {
  const text = `r${replica} ${kind} ${key} from ${start.toFixed(3)} to ${end.toFixed(3)} returned ${value}: ${why}`;
  return { rule: 'dependents', text, at: end, key, replica };
}
