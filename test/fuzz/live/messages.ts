import { isUtf8 } from 'node:buffer';
import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import { MsgpackWriter } from '../../../src/codec/msgpack-write.ts';
import { messageBytes } from '../grammar/messages.ts';
import { type LiveKind, type Source, shown } from '../kind.ts';
import { checkAnswers } from './answers.ts';
import { inLanes, type Lane } from './lanes.ts';

type Encoding = 'json' | 'msgpack';

/** A socket serves this many messages, so that its subscriptions do not hide other operations. */
const PER_SOCKET = 100;
/** As WS_MAX_FRAME_BYTES. A longer message closes its socket. */
const MOST_BYTES = 65_536;
const STUCK_MS = 30_000;

const writer = new MsgpackWriter();

/** Messages in valid frames: JSON for one half of the lanes, msgpack for the other. */
export const messages: LiveKind = {
  name: 'messages',
  decodes: false,
  show: (source) => shown(messageBytes(source, encodingOf(source))),
  send: ({ service }, batch) => inLanes(batch, () => new Talk(service.port)),
};

function encodingOf({ index }: Source): Encoding {
  return index % 2 === 0 ? 'json' : 'msgpack';
}

/** Sends each message and then a ping, whose answer shows that the service has read both. */
class Talk implements Lane {
  readonly #port: number;
  readonly #sockets = new Map<Encoding, { readonly ws: RawWs; left: number }>();

  constructor(port: number) {
    this.#port = port;
  }

  async send(source: Source): Promise<void> {
    const encoding = encodingOf(source);
    const bytes = messageBytes(source, encoding);
    const socket = await this.#socket(encoding);
    const closed = await answered(socket.ws, encoding, bytes, `sync-${source.index}`);
    if (--socket.left > 0 && !closed) return;
    socket.ws.close();
    this.#sockets.delete(encoding);
  }

  close(): void {
    for (const { ws } of this.#sockets.values()) ws.close();
  }

  async #socket(encoding: Encoding) {
    const open = this.#sockets.get(encoding);
    if (open !== undefined) return open;
    const socket = { ws: await RawWs.open(this.#port, `ratecache.v1.${encoding}`), left: PER_SOCKET };
    this.#sockets.set(encoding, socket);
    return socket;
  }
}

/** Resolves when the ping is answered; true if the service closed the socket instead, because the message is too long. */
function answered(ws: RawWs, encoding: Encoding, bytes: Buffer, id: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (run: () => void) => {
      clearTimeout(stuck);
      run();
    };
    const stuck = setTimeout(
      () => reject(new Error('the service did not answer a ping after the message')),
      STUCK_MS,
    );
    ws.onFrame = (payload) => {
      try {
        checkAnswers(payload);
      } catch (error) {
        settle(() => reject(error));
      }
      if (payload.includes(id)) settle(() => resolve(false));
    };
    ws.onGone = () =>
      settle(() =>
        bytes.length > MOST_BYTES ? resolve(true) : reject(new Error('the service closed the socket')),
      );
    ws.sendFrame(frame(encoding === 'json' && isUtf8(bytes) ? bytes.toString() : bytes));
    ws.sendFrame(pingOf(encoding, id));
  });
}

function pingOf(encoding: Encoding, id: string): Buffer {
  if (encoding === 'json') return frame(JSON.stringify({ id, op: 'ping' }));
  writer.reset();
  writer.map(2);
  for (const text of ['id', id, 'op', 'ping']) writer.str(text);
  return frame(writer.take());
}
