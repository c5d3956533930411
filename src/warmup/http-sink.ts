import { endpoint, failureText, parsed, problemText, property } from '../service-answer.ts';
import type { WarmupRecord } from './record.ts';
import { type Outcome, reasonOf, type Stored, type Target, Unreachable } from './sink.ts';

export interface HttpSinkOptions {
  /** How long one request may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly token?: string | undefined;
}

/** Requests of single keys that may be open at the same time. */
const CONCURRENT_DELETIONS = 16;

/**
 * A target that is a running service. `write` sends `POST {url}/v1/mset` with
 * `{"entries":[{"key","value","ttl"?,"asOf"?,"ifNewer"?,"source"?,"suspect"?}…]}`, with the exact text of each value. The service
 * answers `{"results":[{"key","status","code"?}…]}` in the same order. `read` sends `POST /v1/mget`, `list` `GET /v1/keys`, and `remove` `DELETE /v1/cache/{key}` with `If-Match`.
 *
 * A result `stored` with a code is `pending`: the service has accepted the write, but Redis has not confirmed it.
 *
 * Each method rejects with a message for people: `cannot reach http://…: connection refused` (`Unreachable`),
 * `http://… answered 413 body_too_large: …` (code and detail of the problem), `… did not answer within 10000 ms`, or
 * that the results do not match the request.
 */
export function httpSink(url: string, { timeoutMs = 10_000, token }: HttpSinkOptions = {}): Target {
  const fixed = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };

  const ask = async (
    path: string,
    init: { method: string; body?: string; headers?: Record<string, string> },
    signal: AbortSignal | undefined,
  ): Promise<{ response: Response; answer: unknown }> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    try {
      const headers = { ...fixed, ...init.headers };
      const response = await fetch(endpoint(url, path), { ...init, headers, signal: either });
      return { response, answer: parsed(await response.text()) };
    } catch (error) {
      const message = failureText(url, timeoutMs, timeout, error);
      throw either.aborted
        ? new Error(message, { cause: error })
        : new Unreachable(message, { cause: error });
    }
  };
  const refused = ({ status }: Response, answer: unknown) =>
    new Error(`${url} answered ${status}${problemText(answer)}`);
  const post = async (path: string, body: string, signal: AbortSignal | undefined): Promise<unknown> => {
    const { response, answer } = await ask(path, { method: 'POST', body }, signal);
    if (!response.ok) throw refused(response, answer);
    return answer;
  };

  return {
    async write(batch, signal) {
      const answer = await post('/v1/mset', requestBody(batch), signal);
      return resultsOf(
        batch.map(({ key }) => key),
        answer,
        url,
      ).map(outcomeOf);
    },
    async read(keys, signal) {
      if (keys.length === 0) return [];
      const answer = await post('/v1/mget', JSON.stringify({ keys }), signal);
      return resultsOf(keys, answer, url).map(storedOf);
    },
    async *list(signal) {
      let cursor: unknown = '';
      do {
        const from = cursor === '' ? '' : `&cursor=${encodeURIComponent(String(cursor))}`;
        const { response, answer } = await ask(
          `/v1/keys?type=borrow_rate&limit=1000${from}`,
          { method: 'GET' },
          signal,
        );
        const keys = property(answer, 'keys');
        if (!response.ok || !Array.isArray(keys)) throw refused(response, answer);
        yield keys.map((each) => String(property(each, 'key')));
        cursor = property(answer, 'cursor');
      } while (cursor !== null && cursor !== undefined);
    },
    async remove(values, signal) {
      let removed = 0;
      const removeOne = async ({ key, version }: Stored): Promise<void> => {
        const init = { method: 'DELETE', headers: { 'if-match': `"${version}"` } };
        const { response, answer } = await ask(`/v1/cache/${encodeURIComponent(key)}`, init, signal);
        // 412: the value has changed since it was read, so it stays.
        if (response.status === 204) removed++;
        else if (response.status !== 412) throw refused(response, answer);
      };
      for (let at = 0; at < values.length; at += CONCURRENT_DELETIONS)
        await Promise.all(values.slice(at, at + CONCURRENT_DELETIONS).map(removeOne));
      return removed;
    },
  };
}

function requestBody(batch: readonly WarmupRecord[]): string {
  const entries = batch.map(({ key, json, ttlMs, asOf, source, suspect }) => {
    const life = ttlMs === undefined ? '' : `,"ttl":${ttlMs / 1000}`;
    const from = asOf === undefined ? '' : `,"asOf":${asOf},"ifNewer":true`;
    const by = source === undefined ? '' : `,"source":${JSON.stringify(source)}`;
    const doubt = suspect === undefined ? '' : ',"suspect":true';
    return `{"key":${JSON.stringify(key)},"value":${json}${life}${from}${by}${doubt}}`;
  });
  return `{"entries":[${entries.join(',')}]}`;
}

/** The results of a batch. @throws Error if they do not match the keys of the request */
function resultsOf(keys: readonly string[], answer: unknown, url: string): readonly unknown[] {
  const results = property(answer, 'results');
  if (!Array.isArray(results)) throw new Error(`${url} answered without "results": check the URL`);
  if (results.length !== keys.length)
    throw new Error(`${url} answered ${results.length} results for ${keys.length} entries`);
  if (results.some((result, index) => property(result, 'key') !== keys[index]))
    throw new Error(`${url} answered with results that are not in the order of the entries`);
  return results;
}

function outcomeOf(result: unknown): Outcome {
  const status = property(result, 'status');
  const code = property(result, 'code');
  // A code means that Redis has not confirmed the write.
  if (status === 'stored')
    return code === undefined ? { status } : { status: 'pending', reason: String(code) };
  // Redis has newer data.
  if (code === 'precondition_failed') return { status: 'kept' };
  if (typeof code !== 'string') return { status: 'error', reason: `status ${String(status)}` };
  return { status: 'error', reason: reasonOf(code, property(result, 'detail')) };
}

function storedOf(result: unknown): Stored | 'absent' | 'unknown' {
  // A code means that Redis did not answer, or that the value does not fit in the answer.
  if (property(result, 'code') !== undefined) return 'unknown';
  if (property(result, 'status') !== 'hit') return 'absent';
  const [key, version] = [property(result, 'key'), property(result, 'version')];
  return { key: String(key), version: String(version), value: property(result, 'value') };
}
