/** `POST /v1/marks`, `POST /v1/unmark`, `GET /v1/marks` and `DELETE /v1/marks/{id}`: what operators say about values. */
import * as v from 'valibot';
import type { Requester } from '../access/requester.ts';
import { ttlMs } from '../cache/key-and-ttl.ts';
import type { Mark } from '../cache/quality/records.ts';
import { namesOf, type Selection } from '../cache/quality/selection.ts';
import { ServiceError } from '../errors.ts';
import { TYPES } from '../key.ts';
import type { HttpRequest } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import type { GuardedHandler } from './guard.ts';
import { listHandler, operationHandler } from './operation.ts';
import { checkShape, shapeOf } from './payload.ts';
import { MOST_ITEMS, maySee, SELECTION, selectionOf, selectionView } from './selection.ts';

export const MARKS_PATH = '/v1/marks/';

// biome-ignore lint/suspicious/noControlCharactersInRegex: a reason is one line
const REASON = /^[^\u0000-\u001f\u007f-\u009f]{1,200}$/;

const MARK = shapeOf({
  ...SELECTION,
  state: v.picklist(['suspect', 'halted']),
  reason: v.string(),
  ttl: v.number(),
});
const UNMARK = shapeOf(SELECTION);

/** `{keys?, types?, prefixes?, state, reason, ttl}` -> the mark. */
export function markHandler(deps: HttpDeps): GuardedHandler {
  const { marks, limits } = deps;
  return operationHandler(
    deps,
    'POST /v1/marks',
    { maxItems: MOST_ITEMS },
    async (body, { requester, concerns }) => {
      const { state, reason, ttl, ...names } = checkShape(MARK, body);
      const selection = selectionOf(names, limits.maxKeyBytes);
      concerns(targetOf(selection));
      requireRights(requester, selection);
      if (!REASON.test(reason) || !reason.isWellFormed())
        throw new ServiceError(
          'quality_invalid',
          'a reason has 1 to 200 characters without control characters',
          'reason',
        );
      return [201, markView(await marks.mark(selection, { state, reason, ttlMs: ttlMs(ttl, 'ttl') }))];
    },
  );
}

/** `{keys?, types?, prefixes?}` -> `{removed}`: removes the marks with exactly this selection. */
export function unmarkHandler(deps: HttpDeps): GuardedHandler {
  const { marks, limits } = deps;
  return operationHandler(
    deps,
    'POST /v1/unmark',
    { maxItems: MOST_ITEMS },
    async (body, { requester, concerns }) => {
      const selection = selectionOf(checkShape(UNMARK, body), limits.maxKeyBytes);
      concerns(targetOf(selection));
      requireRights(requester, selection);
      const found = await marks.marksOf(selection);
      await marks.unmark(found.map(({ id }) => id));
      return [200, { removed: found.length }];
    },
  );
}

export function removeMarkHandler(deps: HttpDeps): GuardedHandler {
  const { marks } = deps;
  return operationHandler(
    deps,
    `DELETE ${MARKS_PATH}{id}`,
    { maxItems: MOST_ITEMS, nameIn: idIn },
    async (_, { name: id, requester, concerns }) => {
      const mark = await marks.markOf(id);
      concerns(mark === undefined ? { target: id } : targetOf(mark));
      if (mark === undefined) requester.requireScope('write');
      else requireRights(requester, mark);
      await marks.unmark([id]);
      return [200, { removed: mark === undefined ? 0 : 1 }];
    },
  );
}

/** A client with key prefixes receives only the marks whose keys it may read. */
export function marksHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  return listHandler(deps, bodiless, (principal) => ({
    marks: deps.marks.quality.marks.filter((mark) => maySee(principal, mark)).map(markView),
  }));
}

export function markView(mark: Mark) {
  const { id, state, reason } = mark;
  return {
    id,
    state,
    reason,
    ...selectionView(mark),
    created_at: new Date(mark.createdAt).toISOString(),
    ends_at: new Date(mark.until).toISOString(),
  };
}

/** As for `POST /v1/invalidate`: a client that names keys knows them. Types and prefixes reach keys that it does not know. */
function requireRights(requester: Requester, selection: Selection): void {
  requester.requireScope(selection.keys.length === namesOf(selection) ? 'write' : 'admin');
  requester.requireInterest(selection);
}

function targetOf(selection: Selection) {
  const { keys, types, prefixes } = selection;
  const target = prefixes[0] ?? (types.length > 0 ? types.map((type) => TYPES[type]).join() : keys[0]);
  return { target, keys: keys.length };
}

function idIn(req: HttpRequest): string {
  return req.getParameter(0) ?? '';
}
