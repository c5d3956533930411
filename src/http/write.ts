/** `PUT` and `DELETE /v1/cache/{key}`. */
import { checkKey } from '../cache/check.ts';
import type { HttpRequest, HttpResponse } from '../uws.ts';
import { attempt, readBody } from './body.ts';
import { Exchange, fault, type Headers } from './exchange.ts';
import { bodyEncoding } from './negotiate.ts';
import type { Parts } from './parts.ts';
import { CACHE_PATH } from './read.ts';
import { conditionOf, keyFromPath, ttlFromQuery } from './request.ts';
import { valueFrom } from './value.ts';

export function putHandler(parts: Parts) {
  const { cache, counters, limits, load } = parts;
  return (res: HttpResponse, req: HttpRequest): void => {
    const exchange = new Exchange(res, load, counters, false, counters.setSeconds);
    attempt(exchange, parts, () => {
      const key = keyOf(req, limits.maxKeyBytes);
      const ttl = ttlFromQuery(req.getQuery('ttl'));
      const encoding = bodyEncoding(req.getHeader('content-type'));
      const condition = conditionOf(req.getHeader('if-match'), req.getHeader('if-none-match'));
      readBody(exchange, req, parts, limits.maxValueBytes, 'value_too_large', (body) => {
        const value = valueFrom(encoding, body);
        attempt(exchange, parts, async () => {
          const outcome = await cache.set(key, value, ttl, condition);
          if (outcome.status === 'refused') return refuse(exchange, outcome.version);
          exchange.send(outcome.status === 'created' ? 201 : 204, tagged(outcome.version));
        });
      });
    });
  };
}

export function deleteHandler(parts: Parts) {
  const { cache, counters, limits, load } = parts;
  return (res: HttpResponse, req: HttpRequest): void => {
    const exchange = new Exchange(res, load, counters, false, counters.deleteSeconds);
    attempt(exchange, parts, async () => {
      const key = keyOf(req, limits.maxKeyBytes);
      const condition = conditionOf(req.getHeader('if-match'), req.getHeader('if-none-match'));
      const outcome = await cache.delete(key, condition);
      if (outcome.status === 'refused') return refuse(exchange, outcome.version);
      exchange.send(204, []);
    });
  };
}

function keyOf(req: HttpRequest, maxKeyBytes: number): string {
  const key = keyFromPath(req.getUrl().slice(CACHE_PATH.length));
  checkKey(key, maxKeyBytes);
  return key;
}

function refuse(exchange: Exchange, present: string | undefined): void {
  const detail = present === undefined ? 'there is no entry' : 'the entry has another version';
  exchange.sendProblem(fault('precondition_failed', detail), present === undefined ? [] : tagged(present));
}

function tagged(version: string): Headers {
  return [['ETag', `"${version}"`]];
}
