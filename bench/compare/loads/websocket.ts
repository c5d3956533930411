import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import type { Running } from '../../peers/peer.ts';
import type { Load } from '../row.ts';
import { inChild } from './child.ts';
import type { WebSocketJob, WebSocketTold } from './websocket-child.ts';

export interface WebSocketOptions {
  readonly protocol: string;
  /** Payloads of the requests in their order, all of one length; text, or bytes where the protocol is binary. */
  readonly requests: () => readonly (string | Buffer)[];
  readonly connections: number;
  /** Requests under way on each. */
  readonly inFlight: number;
  /** @throws where this is not the answer to the first of the requests */
  readonly check: (answer: Buffer) => void;
}

/** Requests over WebSocket, each sent when the answer to one before it has come. */
export function webSocket({ protocol, requests, connections, inFlight, check }: WebSocketOptions): Load {
  let frames: readonly Buffer[] | undefined;
  const made = () => {
    frames ??= requests().map(frame);
    return frames;
  };
  const example = (server: Running) => answerTo(server.port, protocol, made()[0]!);
  return {
    example,
    verify: async (server) => check(await example(server)),
    run: async (server, seconds) => {
      const ms = seconds * 1000;
      const job: WebSocketJob = {
        port: server.port,
        protocol,
        frames: Buffer.concat(made()),
        frameBytes: made()[0]!.length,
        connections,
        inFlight,
        ms,
        answerBytes: (await example(server)).length,
      };
      const told = await inChild<WebSocketJob, WebSocketTold>('websocket-child.ts', job, { ms });
      const faults: string[] = [];
      if (told.unlike > 0) faults.push(`${told.unlike} answers of another length`);
      if (told.lost > 0) faults.push(`${told.lost} lost connections`);
      return { requests: told.answers, seconds: told.seconds, faults, bytesPerAnswer: job.answerBytes };
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
