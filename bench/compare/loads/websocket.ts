import { GENERATOR_CORE } from '../../../loadtest/support/pin.ts';
import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import { runJob } from '../../support/child.ts';
import type { Running } from '../contender.ts';
import type { Load } from '../load.ts';
import type { WebSocketJob, WebSocketResult } from './websocket-child.ts';

export interface WebSocketOptions {
  readonly protocol: string;
  /** Payloads of the requests in their order, all of one length: text, or bytes where the protocol is binary. */
  readonly requests: () => readonly (string | Buffer)[];
  /** @throws where this is not the answer to the first request */
  readonly check: (answer: Buffer) => void;
}

export const SOCKETS = 16;
/** Requests under way on each socket. */
export const IN_FLIGHT = 4;

/** Requests over WebSocket, each sent when the answer to an earlier one has come. */
export function webSocket({ protocol, requests, check }: WebSocketOptions): Load {
  let made: readonly Buffer[] | undefined;
  const frames = () => {
    made ??= requests().map(frame);
    return made;
  };
  const answerOf = ({ port }: Running) => answerTo(port, protocol, frames()[0]!);
  return {
    example: async (server) => ({ payload: await answerOf(server) }),
    verify: async (server) => check(await answerOf(server)),
    run: async (server, seconds) => {
      const bytes = (await answerOf(server)).length;
      const job: WebSocketJob = {
        port: server.port,
        protocol,
        frames: Buffer.concat(frames()),
        frameBytes: frames()[0]!.length,
        sockets: SOCKETS,
        inFlight: IN_FLIGHT,
        ms: seconds * 1000,
        answerBytes: bytes,
      };
      const child = new URL('websocket-child.ts', import.meta.url);
      const result = await runJob<WebSocketResult>(child, job, { core: GENERATOR_CORE });
      const faults: string[] = [];
      if (result.unlike > 0) faults.push(`${result.unlike} answers of another length`);
      if (result.lost > 0) faults.push(`${result.lost} lost connections`);
      return { requests: result.answers, seconds: result.seconds, faults, figures: { bytes } };
    },
  };
}

async function answerTo(port: number, protocol: string, request: Buffer): Promise<Buffer> {
  const socket = await RawWs.open(port, protocol);
  try {
    return await new Promise((resolve, reject) => {
      socket.onFrame = (payload) => resolve(Buffer.from(payload));
      socket.onGone = () => reject(new Error('the connection was closed instead of an answer'));
      socket.sendFrame(request);
    });
  } finally {
    socket.close();
  }
}
