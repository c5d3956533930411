import { isAscii } from 'node:buffer';
import { type Encoding, keep, type Value } from '../cache/entry.ts';
import { Malformed } from '../codec/errors.ts';
import { checkJson } from '../codec/json-check.ts';
import { validateMsgpack } from '../codec/msgpack-read.ts';
import { ServiceError } from '../errors.ts';

// Keeps a byte order mark, so that JSON.parse rejects it: JSON does not allow one.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Makes a value of the bytes of a request body. @throws ServiceError `value_invalid` */
export function valueFrom(encoding: Encoding, bytes: Buffer): Value {
  if (encoding === 'json') parseJson(bytes, 'value_invalid');
  else checkMsgpack(bytes);
  return { encoding, body: keep(encoding, bytes) };
}

/** As `valueFrom`, for a large body: it yields between slices. @throws ServiceError `value_invalid` */
export function* largeValueFrom(encoding: Encoding, bytes: Buffer): Generator<void, Value> {
  if (encoding === 'json') yield* checkLargeJson(bytes, 'value_invalid');
  else checkMsgpack(bytes);
  return { encoding, body: keep(encoding, bytes) };
}

/** @throws ServiceError with `code` if the bytes are not JSON */
export function* checkLargeJson(
  bytes: Buffer,
  code: 'value_invalid' | 'body_invalid',
): Generator<void, void> {
  try {
    yield* checkJson(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new ServiceError(code, `the body is not JSON: ${error.message}`, 'body');
  }
}

/** Makes a value of a part of a JSON text that has been parsed, and so is valid. */
export function valueFromText(text: string): Value {
  return { encoding: 'json', body: keep('json', Buffer.from(text)) };
}

/** @throws ServiceError with `code` if the bytes are not JSON */
export function parseJson(
  bytes: Buffer,
  code: 'value_invalid' | 'body_invalid',
): { text: string; json: unknown } {
  let text: string;
  try {
    text = isAscii(bytes) ? bytes.toString('latin1') : UTF8.decode(bytes);
  } catch {
    throw new ServiceError(code, 'the body is not UTF-8', 'body');
  }
  try {
    return { text, json: JSON.parse(text) };
  } catch (error) {
    throw new ServiceError(code, `the body is not JSON: ${(error as Error).message}`, 'body');
  }
}

/** @throws ServiceError `value_invalid` if the bytes are not exactly one msgpack value */
function checkMsgpack(bytes: Uint8Array): void {
  try {
    validateMsgpack(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new ServiceError('value_invalid', `the body is not msgpack: ${error.message}`, 'body');
  }
}
