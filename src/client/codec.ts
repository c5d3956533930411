import { RatecacheError } from './errors.ts';
import type { Message } from './protocol.ts';

/** One of the two encodings of frames and bodies. */
export interface Codec {
  /** The WebSocket subprotocol. */
  readonly subprotocol: string;
  /** The media type of HTTP. */
  readonly mediaType: string;
  encode(data: unknown): string | Uint8Array;
  decode(data: string | Uint8Array): unknown;
}

/** @throws RatecacheError `argument_invalid` if the data has no form in this encoding, such as a BigInt in JSON */
export function encodedWith(codec: Codec, data: unknown): string | Uint8Array {
  try {
    return codec.encode(data);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RatecacheError('argument_invalid', `the value cannot be sent as ${codec.mediaType}: ${why}`, {
      cause: error,
    });
  }
}

const decoder = new TextDecoder();

export const json: Codec = {
  subprotocol: 'ratecache.v1.json',
  mediaType: 'application/json',
  encode: (data) => JSON.stringify(data),
  decode: (data) => JSON.parse(typeof data === 'string' ? data : decoder.decode(data)),
};

export function messageOf(codec: Codec, data: string | Uint8Array): Message {
  return codec.decode(data) as Message;
}
