/** `PUT` and `DELETE /v1/sources/{name}`, and `GET /v1/sources`: who supplies values, and whether they are alive. */
import * as v from 'valibot';
import { ttlMs } from '../cache/key-and-ttl.ts';
import { isSource } from '../cache/origin.ts';
import { diesAt } from '../cache/quality/quality.ts';
import type { SourceRecord } from '../cache/quality/records.ts';
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import type { GuardedHandler } from './guard.ts';
import { listHandler, operationHandler } from './operation.ts';
import { checkShape, shapeOf } from './payload.ts';
import { MOST_ITEMS, maySee, SELECTION, selectionOf, selectionView } from './selection.ts';

export const SOURCES_PATH = '/v1/sources/';

const HEARTBEAT = shapeOf({
  types: SELECTION.types,
  prefixes: SELECTION.prefixes,
  ttl: v.number(),
});

/** `{types?, prefixes?, ttl}`: the source is alive now, and for `ttl` seconds. */
export function heartbeatHandler(deps: HttpDeps): GuardedHandler {
  const { marks, limits } = deps;
  return operationHandler(
    deps,
    `PUT ${SOURCES_PATH}{name}`,
    { maxItems: MOST_ITEMS, audit: 'write', nameIn },
    async (body, { name, requester, concerns }) => {
      concerns({ target: name });
      const { types, prefixes, ttl } = checkShape(HEARTBEAT, body);
      const selection = selectionOf({ keys: [], types, prefixes }, limits.maxKeyBytes);
      requester.requireInterest(selection);
      // The record replaces an earlier one, whose keys would not be watched any more.
      const known = requester.principal && (await marks.source(name));
      if (known !== undefined) requester.requireInterest(known);
      return [200, sourceView(deps, await marks.heartbeat(name, selection, ttlMs(ttl, 'ttl')))];
    },
  );
}

export function forgetHandler(deps: HttpDeps): GuardedHandler {
  const { marks } = deps;
  return operationHandler(
    deps,
    `DELETE ${SOURCES_PATH}{name}`,
    { maxItems: MOST_ITEMS, nameIn },
    async (_, { name, requester, concerns }) => {
      concerns({ target: name });
      const known = await marks.source(name);
      if (known !== undefined) requester.requireInterest(known);
      return [200, { forgotten: await marks.forget(name) }];
    },
  );
}

/** A client with key prefixes receives only the sources whose keys it may read. */
export function sourcesHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  return listHandler(deps, bodiless, (principal) => ({
    sources: deps.marks.quality.sources
      .filter((source) => maySee(principal, source))
      .map((source) => sourceView(deps, source)),
  }));
}

export function sourceView({ marks }: Pick<HttpDeps, 'marks'>, source: SourceRecord) {
  const { types, prefixes } = selectionView(source);
  return {
    name: source.name,
    state: marks.quality.isDead(source) ? 'dead' : 'alive',
    types,
    prefixes,
    ttl: source.ttlMs / 1000,
    heartbeat_at: new Date(source.heartbeatAt).toISOString(),
    dies_at: new Date(diesAt(source)).toISOString(),
  };
}

/** @throws ServiceError `origin_invalid` */
function nameIn(req: HttpRequest): string {
  const name = req.getParameter(0) ?? '';
  if (!isSource(name))
    throw new ServiceError(
      'origin_invalid',
      'a source is a name of 1 to 64 letters, digits, dots, hyphens and underscores; the first is a letter or digit',
      'name',
    );
  return name;
}
