import { GENERATOR_CORE } from '../../../loadtest/support/pin.ts';
import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import { runJob } from '../../support/child.ts';
import type { Running } from '../contender.ts';
import type { Load } from '../load.ts';
import { exchange } from './exchange.ts';
import type { WebSocketJob, WebSocketResult } from './websocket-child.ts';

export interface WebSocketOptions {
  readonly protocol: string;
  /** Payloads that each socket sends first; none by default. */
  readonly setup?: () => readonly (string | Buffer)[];
  /** Payloads of the requests in their order: text, or bytes where the protocol is binary. */
  readonly requests: () => readonly (string | Buffer)[];
  /** @throws where this is not the answer to the first request */
  readonly check: (answer: Buffer) => void;
}

export const SOCKETS = 16;
/** Requests under way on each socket. */
export const IN_FLIGHT = 4;

/** Requests over WebSocket, each sent when the answer to an earlier one has come. */
export function webSocket({ protocol, setup = () => [], requests, check }: WebSocketOptions): Load {
  let made: readonly Buffer[] | undefined;
  const frames = () => {
    made ??= requests().map(frame);
    return made;
  };
  const answerOf = ({ port }: Running) => answerTo(port, protocol, [...setup().map(frame), frames()[0]!]);
  return {
    example: async (server) => ({ payload: await answerOf(server) }),
    verify: async (server) => check(await answerOf(server)),
    run: async (server, seconds) => {
      const bytes = (await answerOf(server)).length;
      const job: WebSocketJob = {
        port: server.port,
        protocol,
        setup: setup().map(frame),
        frames: Buffer.concat(frames()),
        ends: endsOf(frames()),
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

function endsOf(frames: readonly Buffer[]): number[] {
  let end = 0;
  return frames.map(({ length }) => {
    end += length;
    return end;
  });
}

/** The answer to the last of these requests. */
async function answerTo(port: number, protocol: string, requests: readonly Buffer[]): Promise<Buffer> {
  const socket = await RawWs.open(port, protocol);
  try {
    let answer: Buffer = Buffer.alloc(0);
    for (const request of requests) answer = await exchange(socket, request);
    return answer;
  } finally {
    socket.close();
  }
}
