/** `ratecache watch`: prints every change of the keys that match a pattern. */
import { globMatcher, literalHead } from '../cache/glob.ts';
import { Lru } from '../cache/lru.ts';
import type { Change } from '../client/change.ts';
import { RatecacheError } from '../client/errors.ts';
import type { Interest } from '../client/interest.ts';
import { connect } from '../client/node.ts';
import { TYPES } from '../key.ts';
import { endpoint } from '../service-answer.ts';
import { EXIT_UNREACHABLE } from './call-service.ts';
import { Failure } from './exits.ts';
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { outputIsOpen } from './output.ts';
import { serviceToken } from './service-token.ts';
import { type Noted, notedJson, notedText } from './watch-text.ts';

export interface WatchOptions extends ServiceOptions, OutputOptions {
  /** The number of changes after which the command ends. */
  readonly count?: number;
}

/** Keys whose present values are remembered, to print them as old values. */
const REMEMBERED_KEYS = 100_000;
/** A snapshot of many keys takes long. */
const SUBSCRIBE_TIMEOUT_MS = 60_000;

/** Ends after `count` changes, or when the reader of the output is gone. */
export async function watch(pattern: string, options: WatchOptions): Promise<void> {
  const { url, timeout, tokenFile, count = Number.POSITIVE_INFINITY } = options;
  const token = serviceToken(tokenFile);
  const print = wantsJson(options) ? notedJson : notedText;
  const matches = globMatcher(pattern);
  const values = new Lru<string>(REMEMBERED_KEYS);
  let left = count;
  let isInForce = false;
  const address = endpoint(url.replace(/^http/, 'ws'), '/v1/ws');
  try {
    const client = await connect(address, {
      connectTimeoutMs: timeout,
      ...(token !== undefined && { token }),
    });
    const stopReports = client.onState(({ connection, coherence, lastError }) => {
      if (connection === 'closed') return;
      const why = connection === 'down' && lastError !== undefined ? `: ${lastError.message}` : '';
      process.stderr.write(`ratecache: connection ${connection}, coherence ${coherence}${why}\n`);
    });
    const close = () => {
      stopReports();
      return client.close();
    };
    await new Promise<void>((resolve, reject) => {
      const onChange = (change: Change) => {
        if (left === 0 || !matches(change.key)) return;
        const old = values.peek(change.key);
        const value = change.kind === 'update' ? JSON.stringify(change.value) : undefined;
        if (value !== undefined) values.set(change.key, value);
        else values.delete(change.key);
        // The values at the start are no changes.
        if (change.fromSnapshot && !isInForce) return;
        process.stdout.write(`${print(noted(change, old, value))}\n`);
        left--;
        if (left === 0 || !outputIsOpen()) resolve();
      };
      client
        .subscribe(interestOf(pattern), onChange, { initial: true, timeoutMs: SUBSCRIBE_TIMEOUT_MS })
        .then(() => {
          isInForce = true;
          process.stderr.write(`ratecache: watching ${pattern} at ${url}\n`);
        }, reject);
    }).finally(close);
  } catch (error) {
    if (!(error instanceof RatecacheError)) throw error;
    const { code, message } = error;
    throw new Failure(`${url}: ${code}: ${message}`, code === 'disconnected' ? EXIT_UNREACHABLE : 1);
  }
}

/** The narrowest subscription that covers the pattern. */
function interestOf(pattern: string): Interest {
  const { head, whole } = literalHead(pattern);
  if (whole) return { keys: [head] };
  return head === '' ? { types: TYPES } : { prefixes: [head] };
}

function noted(change: Change, old: string | undefined, value: string | undefined): Noted {
  const { key, merged, fromSnapshot } = change;
  const base = { time: new Date(), key, merged, old, value };
  if (change.kind === 'invalidate') return { ...base, reason: change.reason };
  const { version, age } = change;
  // The value of another program has no time.
  return { ...base, version, age, reason: fromSnapshot ? 'missed' : age === undefined ? 'remote' : 'set' };
}
