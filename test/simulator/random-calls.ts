/** Calls of the write script that the contract tests make at the model and at a real Redis. */
import { below, pick, type Random } from '../../loadtest/support/random.ts';
import { originOf } from '../../src/cache/origin.ts';
import { pack } from '../../src/redis/envelope.ts';
import { type Outcome, storedVersion } from './model-script.ts';

export const CHANNEL = 'announcements';
export const LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 1000 };

export interface Call {
  readonly keys: readonly string[];
  readonly args: readonly Buffer[];
}

interface Present {
  readonly now: number;
  get(key: string): Buffer | undefined;
}

/** Leaves out the text of errors, and stamps cut to Redis's clock, which differ by the time between two calls. */
export function shown([status, detail]: Outcome): string {
  const name = status.toString();
  return name === 'error' ? name : `${name} ${detail.toString('hex')}`;
}

/** A call that changes some of the keys. @param model the present values and the clock */
export function callOf(random: Random, some: readonly string[], model: Present, channel: string): Call {
  const keys = some.filter(() => random() < 0.6);
  if (keys.length === 0) keys.push(some[0]!);
  const each = keys.map((key) => changeOf(random, model, key));
  const announce = (op: string) => {
    const named = keys.flatMap((key, i) => (each[i]!.op === op ? [[key, each[i]!.stamp] as const] : []));
    if (named.length === 0) return '';
    return JSON.stringify({
      origin: 'o',
      reason: op,
      keys: named.map(([key]) => key),
      versions: named.map(([, stamp]) => stamp),
    });
  };
  const args = [channel, announce('set'), announce('delete'), ...each.flatMap(({ args }) => args)];
  return { keys, args: args.map((arg) => (Buffer.isBuffer(arg) ? arg : Buffer.from(arg))) };
}

/** Times that differ in either half of 64 bits. */
function asOf(random: Random): number {
  return 2 ** 32 * (1 + below(2, random)) + below(3, random);
}

function changeOf(random: Random, model: Present, key: string) {
  const op = random() < 0.7 ? 'set' : 'delete';
  // Far from the cap, where a millisecond between the clocks of the server and the model would matter.
  const stamp = stampOf(model.now + pick([-5000, -20, -1, 0, 0], random), below(3, random), below(3, random));
  const present = storedVersion(model.get(key)) ?? Buffer.alloc(0);
  const other = Buffer.from(stampOf(model.now - 20, below(3, random), below(3, random)), 'hex');
  const named = random() < 0.5 && present.length > 0 ? present : other;
  const condition = pick(['', '', 'if-exists', 'if-absent', '<', '~', '=', '!', '@', '<@', '~@'], random);
  const time = Buffer.alloc(8);
  time.writeUIntBE(asOf(random), 2, 6);
  const sign = Buffer.from(condition.slice(0, 1));
  const whole: Buffer[] = condition.startsWith('if-') || condition === '' ? [Buffer.from(condition)] : [sign];
  if ('<~=!'.includes(condition[0] ?? ' ')) whole.push(named);
  if (condition.endsWith('@')) whole.push(time);
  const deadline = pick(['', '', String(model.now + 60_000), String(model.now - 1)], random);
  const body =
    op === 'set'
      ? pack(
          { encoding: 'json', body: `{"n":${below(1000, random)}}` as never },
          stamp,
          model.now,
          model.now + 1,
          LIMITS,
          pick([undefined, originOf(asOf(random), pick([undefined, 'ibkr'], random))], random),
        )
      : Buffer.from(stamp, 'hex');
  const later = String(model.now + 60_000);
  const expiry = op === 'set' ? pick([later, later, later, 'soon', ''], random) : '';
  return { op, stamp, args: [op, Buffer.concat(whole), expiry, body, deadline] };
}

export function stampOf(ms: number, counter: number, writer: number): string {
  return (
    ms.toString(16).padStart(12, '0') +
    counter.toString(16).padStart(4, '0') +
    writer.toString(16).padStart(8, '0')
  );
}
