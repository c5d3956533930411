import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import type { Running } from '../contender.ts';
import type { Load } from '../load.ts';
import { exchange } from './exchange.ts';
import { IN_FLIGHT, type WebSocketOptions, webSocket } from './websocket.ts';

/** The instructions of a message on a server that counts them: one socket sends as many at once as `webSocket` does. */
export function webSocketInstructions(options: WebSocketOptions, warmup: number, counted: number): Load {
  const { protocol, setup = () => [], requests } = options;
  const { example, verify } = webSocket(options);
  return {
    example: example!,
    verify: verify!,
    warmsUp: true,
    run: async (server: Running, seconds) => {
      const frames = requests().map(frame);
      const parts: Buffer[] = [];
      for (let i = 0; i + IN_FLIGHT <= frames.length; i += IN_FLIGHT)
        parts.push(Buffer.concat(frames.slice(i, i + IN_FLIGHT)));
      const socket = await RawWs.open(server.port, protocol);
      try {
        for (const request of setup()) await exchange(socket, frame(request));
        const send = async (count: number) => {
          for (let sent = 0; sent < count; sent += IN_FLIGHT)
            await answersTo(socket, parts[(sent / IN_FLIGHT) % parts.length]!);
        };
        await send(warmup);
        const instructions = (await server.instructionsOf!(() => send(counted))) / counted;
        return { requests: counted, seconds, figures: { instructions }, faults: [] };
      } finally {
        socket.close();
      }
    },
  };
}

function answersTo(socket: RawWs, part: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = IN_FLIGHT;
    socket.onFrame = () => {
      if (--left === 0) resolve();
    };
    socket.onGone = () => reject(new Error('the connection was closed instead of an answer'));
    socket.sendFrame(part);
  });
}
