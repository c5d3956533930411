/** Idempotency keys: a client sends the same key with each repetition of a write, so that the write is made once. */
import { createHash } from 'node:crypto';
import { bufferOf } from '../codec/value-bytes.ts';
import { ServiceError } from '../errors.ts';
import type { Condition } from './condition.ts';
import type { Value } from './entry.ts';
import type { Origin } from './origin.ts';

/** For how long a write with an idempotency key is remembered. */
export const REMEMBERED_MS = 300_000;

/** What identifies a write that has an idempotency key. */
export interface WriteIdentity {
  /** A hash of the operation, the key and the idempotency key. */
  readonly id: string;
  /** A hash of the value, its TTL and origin, and the condition. A repetition has the same ones. */
  readonly contents: Buffer;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/;

export const CONTENTS_BYTES = 8;

/**
 * @param field the header or member that has the idempotency key
 * @throws ServiceError `idempotency_key_invalid`
 */
export function checkIdempotencyKey(idempotencyKey: unknown, field: string): string {
  if (typeof idempotencyKey === 'string' && IDEMPOTENCY_KEY.test(idempotencyKey)) return idempotencyKey;
  throw new ServiceError(
    'idempotency_key_invalid',
    'expected 1 to 128 visible ASCII characters without spaces, for example a UUID',
    field,
  );
}

/** @param set the value with its TTL and origin; undefined for a delete */
export function identityOf(
  idempotencyKey: string,
  key: string,
  condition: Condition | undefined,
  set?: { readonly value: Value; readonly ttlMs: number | undefined; readonly origin: Origin | undefined },
): WriteIdentity {
  const operation = set === undefined ? 'delete' : 'set';
  const id = createHash('sha256')
    .update(JSON.stringify([operation, key, idempotencyKey]))
    .digest();
  const contents = createHash('sha256').update(
    JSON.stringify([set?.value.encoding, set?.ttlMs, set?.origin, condition]),
  );
  if (set !== undefined) contents.update(bufferOf(set.value.body));
  return {
    id: id.toString('base64url', 0, 15),
    contents: contents.digest().subarray(0, CONTENTS_BYTES),
  };
}

export function reused(): ServiceError {
  return new ServiceError(
    'idempotency_key_reused',
    'another write of the key had this idempotency key; use a new idempotency key for each write',
  );
}
