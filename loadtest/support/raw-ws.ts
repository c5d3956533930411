import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Address, dial, readyEvent } from './dial.ts';
import { LOCAL_HEAD } from './head.ts';

const TEXT = 1;
const BINARY = 2;

/** A frame as a client sends it, masked with zeros: a text frame for a string, else a binary frame. */
export function frame(content: string | Buffer): Buffer {
  const payload = Buffer.from(content);
  const long = payload.length > 65_535 ? 8 : payload.length > 125 ? 2 : 0;
  const head = Buffer.alloc(6 + long);
  head[0] = 0x80 | (typeof content === 'string' ? TEXT : BINARY);
  head[1] = 0x80 | (long === 8 ? 127 : long === 2 ? 126 : payload.length);
  if (long === 8) head.writeBigUInt64BE(BigInt(payload.length), 2);
  if (long === 2) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/**
 * A WebSocket client that only splits the input into frames. With a full client library the generator would be slower
 * than the server.
 */
export class RawWs {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  /** Called for each frame with a message. The bytes are valid during the call. */
  onFrame: (payload: Buffer) => void = () => {};
  /** Called when the connection ended, except by `close()`. */
  onGone: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => this.onGone());
  }

  /** @param protocol the requested subprotocol */
  static open(port: number, protocol?: string): Promise<RawWs> {
    return RawWs.dial(
      { port },
      LOCAL_HEAD + (protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`),
    );
  }

  /** @param head header lines in addition to those of the upgrade, each with its line end */
  static async dial(address: Address, head = LOCAL_HEAD): Promise<RawWs> {
    const socket = dial(address);
    await once(socket, readyEvent(address));
    socket.write(
      `GET /v1/ws HTTP/1.1\r\n${head}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    const client = new RawWs(socket);
    let answer = '';
    await new Promise<void>((resolve, reject) => {
      client.onGone = () => reject(new Error('the connection was closed before the upgrade to WebSocket'));
      const onData = (data: Buffer) => {
        answer += data.toString('latin1');
        if (!answer.includes('\r\n\r\n')) return;
        socket.off('data', onData);
        socket.on('data', (more: Buffer) => client.#onData(more));
        if (answer.startsWith('HTTP/1.1 101')) resolve();
        else reject(new Error(answer.split('\r\n', 1)[0]));
      };
      socket.on('data', onData);
    });
    client.onGone = () => {};
    return client;
  }

  /** Sends a text frame. */
  send(text: string): void {
    this.#socket.write(frame(text));
  }

  /** Sends a result of `frame`. */
  sendFrame(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.onGone = () => {};
    this.#socket.destroy();
  }

  #onData(data: Buffer): void {
    let buffer = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    for (;;) {
      if (buffer.length < 2) break;
      let size = buffer[1]! & 0x7f;
      let head = 2;
      if (size === 126) {
        if (buffer.length < 4) break;
        size = buffer.readUInt16BE(2);
        head = 4;
      } else if (size === 127) {
        if (buffer.length < 10) break;
        size = Number(buffer.readBigUInt64BE(2));
        head = 10;
      }
      if (buffer.length < head + size) break;
      const opcode = buffer[0]! & 0x0f;
      if (opcode === TEXT || opcode === BINARY) this.onFrame(buffer.subarray(head, head + size));
      buffer = buffer.subarray(head + size);
    }
    this.#rest = buffer.length === 0 ? buffer : Buffer.from(buffer);
  }
}
