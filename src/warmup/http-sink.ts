import { endpoint, failureText, parsed, problemText, property } from '../service-answer.ts';
import type { WarmupRecord } from './record.ts';
import { type Outcome, reasonOf, type Sink } from './sink.ts';

export interface HttpSinkOptions {
  /** How long one batch may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly token?: string | undefined;
}

/**
 * A sink that writes through a running service. It sends `POST {url}/v1/mset` with
 * `{"entries":[{"key","value","ttl"?,"asOf"?,"source"?,"ifNewer"?}…]}`, with the exact text of each value. The service answers
 * `{"results":[{"key","status","code"?}…]}` in the same order.
 *
 * A result `stored` with a code is `pending`: the service has accepted the write, but Redis has not confirmed it.
 *
 * `write` rejects with a message for people: `cannot reach http://…: connection refused`,
 * `http://… answered 413 body_too_large: …` (code and detail of the problem), `… did not answer within 10000 ms`, or
 * that the results do not match the entries.
 */
export function httpSink(url: string, { timeoutMs = 10_000, token }: HttpSinkOptions = {}): Sink {
  const target = endpoint(url, '/v1/mset');
  return {
    async write(batch, signal) {
      const timeout = AbortSignal.timeout(timeoutMs);
      const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
      let response: Response;
      let body: string;
      try {
        response = await fetch(target, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json',
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
          },
          body: requestBody(batch),
          signal: either,
        });
        body = await response.text();
      } catch (error) {
        throw new Error(failureText(url, timeoutMs, timeout, error), { cause: error });
      }
      const answer = parsed(body);
      if (!response.ok) throw new Error(`${url} answered ${response.status}${problemText(answer)}`);
      return outcomes(batch, answer, url);
    },
  };
}

function requestBody(batch: readonly WarmupRecord[]): string {
  const entries = batch.map(({ key, json, ttlMs, asOf, source }) => {
    const life = ttlMs === undefined ? '' : `,"ttl":${ttlMs / 1000}`;
    const from = asOf === undefined ? '' : `,"asOf":${asOf},"ifNewer":true`;
    const tail = source === undefined ? life + from : `${life}${from},"source":${JSON.stringify(source)}`;
    return `{"key":${JSON.stringify(key)},"value":${json}${tail}}`;
  });
  return `{"entries":[${entries.join(',')}]}`;
}

function outcomes(batch: readonly WarmupRecord[], answer: unknown, url: string): Outcome[] {
  const results = property(answer, 'results');
  if (!Array.isArray(results)) throw new Error(`${url} answered without "results": check the URL`);
  if (results.length !== batch.length) {
    throw new Error(`${url} answered ${results.length} results for ${batch.length} entries`);
  }
  return results.map((result: unknown, index) => {
    const { key } = batch[index]!;
    if (property(result, 'key') !== key)
      throw new Error(`${url} answered with results that are not in the order of the entries`);
    const status = property(result, 'status');
    const code = property(result, 'code');
    // A code means that Redis has not confirmed the write.
    if (status === 'stored') {
      return code === undefined ? { status } : { status: 'pending', reason: String(code) };
    }
    // Redis has newer data.
    if (code === 'precondition_failed') return { status: 'kept' };
    if (typeof code !== 'string') return { status: 'error', reason: `status ${String(status)}` };
    return { status: 'error', reason: reasonOf(code, property(result, 'detail')) };
  });
}
