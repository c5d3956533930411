import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import type { Source } from '../kind.ts';
import { messageBytes } from './messages.ts';
import { mutate } from './mutate.ts';
import { oneIn } from './values.ts';

const CONTINUATION = 0;
const CLOSE = 8;
const OPCODES = [CONTINUATION, 1, 2, 3, 7, CLOSE, 9, 10, 11, 15];

const UPGRADE = [
  'GET /v1/ws HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];
const MORE_LINES = [
  'Sec-WebSocket-Protocol: ratecache.v1.msgpack',
  'Sec-WebSocket-Protocol: ratecache.v1.json, a,,',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99999; a="',
  'Sec-WebSocket-Version: 8',
  'Sec-WebSocket-Key: a',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Connection: close',
];

/** An upgrade to WebSocket, mostly valid. */
export function upgradeBytes({ random }: Source): Buffer {
  const lines = [...UPGRADE];
  if (oneIn(2, random)) lines.push(pick(MORE_LINES, random));
  if (oneIn(30, random)) lines.splice(1 + below(lines.length - 1, random), 1);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** Frames: messages in one piece or in fragments, control frames between them, invalid headers; then damaged. */
export function frameBytes(source: Source): Buffer {
  const { random } = source;
  const frames = Array.from({ length: 1 + below(4, random) }, () => framesOf(source));
  const bytes = Buffer.concat(frames.flat());
  return oneIn(2, random) ? mutate(bytes, random) : bytes;
}

function framesOf(source: Source): Buffer[] {
  const { random } = source;
  const payload = messageBytes(source);
  switch (below(6, random)) {
    case 0:
      return fragments(payload, random);
    case 1:
      return [frame(9 + below(2, random), true, payload.subarray(0, oneIn(5, random) ? 200 : 100), random)];
    case 2:
      return [frame(CLOSE, true, closePayload(random), random)];
    case 3:
      return [frame(pick(OPCODES, random), oneIn(2, random), payload, random)];
    default:
      return [frame(1 + below(2, random), true, payload, random)];
  }
}

/** The frames of one message, with control frames between them. */
function fragments(payload: Buffer, random: Random): Buffer[] {
  const frames: Buffer[] = [];
  const count = 2 + below(oneIn(20, random) ? 500 : 5, random);
  const size = Math.ceil(payload.length / count);
  for (let i = 0; i < count; i++) {
    const opcode = i === 0 || oneIn(30, random) ? 1 + below(2, random) : CONTINUATION;
    frames.push(frame(opcode, i === count - 1, payload.subarray(i * size, (i + 1) * size), random));
    if (oneIn(4, random)) frames.push(frame(9, !oneIn(10, random), Buffer.from('a'), random));
  }
  return frames;
}

function closePayload(random: Random): Buffer {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(pick([0, 999, 1000, 1001, 1005, 1006, 1015, 3000, 4999, 65_535], random));
  const reasons = ['', 'bye', '\xff', 'a'.repeat(123), 'a'.repeat(124)];
  return Buffer.concat([code, Buffer.from(pick(reasons, random), 'latin1')]).subarray(
    oneIn(8, random) ? 1 : 0,
  );
}

function frame(opcode: number, final: boolean, payload: Buffer, random: Random): Buffer {
  const masked = !oneIn(50, random);
  const reserved = oneIn(40, random) ? below(8, random) << 4 : 0;
  const mask = Buffer.from([1, 2, 3, 4].map(() => below(256, random)));
  const body = Buffer.from(payload);
  if (masked) for (let i = 0; i < body.length; i++) body[i]! ^= mask[i % 4]!;
  const head = Buffer.from([(final ? 0x80 : 0) | reserved | opcode]);
  return Buffer.concat([
    head,
    lengthBytes(claimed(body.length, random), masked, random),
    masked ? mask : Buffer.alloc(0),
    body,
  ]);
}

/** The length that a frame claims: a few claim another than they have. */
function claimed(length: number, random: Random): number {
  return oneIn(40, random) ? pick([0, 125, 126, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53], random) : length;
}

/** A length in its shortest form; a few in a longer one, and a few with the highest bit of 64. */
function lengthBytes(length: number, masked: boolean, random: Random): Buffer {
  const bit = masked ? 0x80 : 0;
  const longer = oneIn(20, random);
  if (length < 126 && !longer) return Buffer.from([bit | length]);
  if (length < 65_536 && oneIn(longer ? 2 : 1, random)) {
    const bytes = Buffer.from([bit | 126, 0, 0]);
    bytes.writeUInt16BE(length, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9);
  bytes[0] = bit | 127;
  bytes.writeBigUInt64BE(BigInt(length) | (oneIn(10, random) ? 1n << 63n : 0n), 1);
  return bytes;
}
