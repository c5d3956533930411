/** The entry point for browsers and other runtimes with the standard WebSocket. */
import { type Connect, connectWith } from './connect.ts';
import type { Socket, SocketFactory } from './socket.ts';

export * from './exports.ts';

/** A browser cannot set headers, so the client sends the token in its first message. */
const open: SocketFactory = Object.assign(
  ({ url, subprotocol }: Parameters<SocketFactory>[0], handlers: Parameters<SocketFactory>[1]): Socket => {
    const ws = new WebSocket(url, subprotocol);
    ws.binaryType = 'arraybuffer';
    let isOver = false;
    const close = (code: number, reason: string) => {
      if (isOver) return;
      isOver = true;
      handlers.close(code, reason);
    };
    ws.onopen = () => handlers.open();
    ws.onmessage = ({ data }) => handlers.message(typeof data === 'string' ? data : new Uint8Array(data));
    ws.onclose = ({ code, reason }) => close(code, reason);
    return {
      send: (frame) => ws.send(frame as Uint8Array<ArrayBuffer>),
      end() {
        isOver = true;
        ws.onmessage = null;
        ws.close();
      },
    };
  },
  { sendsToken: false },
);

export const connect: Connect = connectWith(open);
