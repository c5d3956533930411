/** The entry point for Node. Its WebSocket can end a connection at once, and can send the token in a header. */
import { WebSocket } from 'ws';
import { type Connect, connectWith } from './connect.ts';
import type { Socket, SocketFactory } from './socket.ts';

export * from './exports.ts';

const open: SocketFactory = Object.assign(
  (
    { url, subprotocol, token }: Parameters<SocketFactory>[0],
    handlers: Parameters<SocketFactory>[1],
  ): Socket => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const ws = new WebSocket(url, subprotocol, { perMessageDeflate: false, headers });
    let problem = '';
    ws.on('open', () => handlers.open());
    ws.on('message', (data: Buffer, isBinary: boolean) =>
      handlers.message(isBinary ? data : data.toString()),
    );
    ws.on('error', ({ message }) => {
      problem = message;
    });
    ws.on('close', (code, reason) => handlers.close(code, reason.toString() || problem));
    return {
      send: (frame) => ws.send(frame),
      end: () => ws.terminate(),
    };
  },
  { sendsToken: true },
);

export const connect: Connect = connectWith(open);
