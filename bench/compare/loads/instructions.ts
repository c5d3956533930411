/** Loads that count instructions, on a server that counts its own. */
import { connect } from '../../../loadtest/support/raw-http.ts';
import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import type { Running } from '../contender.ts';
import type { Load } from '../load.ts';
import type { Requests } from '../requests.ts';
import { answersTo, exchange, isAlike } from './exchange.ts';
import { type WebSocketOptions, webSocket } from './websocket.ts';
import { oneAnswer, partsOf } from './wrk.ts';

/** All connections send at the same time, and wait for all answers before they send again. */
export interface Counting {
  readonly connections: number;
  /** Requests that a connection sends at once. uWS closes an HTTP connection with two requests that wait for Redis. */
  readonly depth: number;
  /** Requests before the count: V8 has compiled everything after them. */
  readonly warmup: number;
  /** Requests that count, for each second that the measurement may take. callgrind slows a server to a fiftieth. */
  readonly perSecond: number;
}

const RARE_REQUESTS = 20_000;

interface Connection {
  /** Sends `depth` requests, and returns when all are answered. */
  send(): Promise<void>;
  close(): void;
}

/** @param rare requests for what few of `requests` do; V8 must have compiled that too */
export function httpInstructions(requests: Requests, counting: Counting, rare?: Requests): Load {
  const { depth } = counting;
  const load = (of: Requests, warmup: number) =>
    counted({ ...counting, warmup }, (server) => {
      const next = inTurn(partsOf(of(server), depth));
      return () => overHttp(server, depth, next);
    });
  const { warmUp, run } = load(requests, counting.warmup);
  return {
    example: (server) => oneAnswer(server.port, requests(server)[0]!),
    warmUp: async (server) => {
      if (rare !== undefined) await load(rare, RARE_REQUESTS).warmUp(server);
      await warmUp(server);
    },
    run,
  };
}

export function webSocketInstructions(options: WebSocketOptions, counting: Counting): Load {
  const { example, verify } = webSocket(options) as Required<Load>;
  const warmAndRun = counted(counting, (server) => {
    const next = inTurn(options.requests().map(frame));
    return () => overWebSocket(server, counting.depth, options, next);
  });
  return { example, verify, ...warmAndRun };
}

/** @param prepare returns what opens a connection to the server */
function counted(
  { connections, depth, warmup, perSecond }: Counting,
  prepare: (server: Running) => () => Promise<Connection>,
): Required<Pick<Load, 'warmUp' | 'run'>> {
  const once = connections * depth;
  const connected = async <T>(
    server: Running,
    act: (send: (requests: number) => Promise<void>) => Promise<T>,
  ): Promise<T> => {
    const opened = await Promise.all(Array.from({ length: connections }, prepare(server)));
    try {
      return await act(async (requests) => {
        for (let sent = 0; sent < requests; sent += once)
          await Promise.all(opened.map((each) => each.send()));
      });
    } finally {
      for (const each of opened) each.close();
    }
  };
  return {
    warmUp: (server) => connected(server, (send) => send(warmup)),
    run: (server, seconds) =>
      connected(server, async (send) => {
        const requests = once * Math.ceil((seconds * perSecond) / once);
        const instructions = (await server.instructionsOf!(() => send(requests))) / requests;
        return { requests, seconds, figures: { instructions }, faults: [] };
      }),
  };
}

async function overHttp({ port }: Running, depth: number, next: () => string): Promise<Connection> {
  const connection = await connect(port);
  return {
    async send() {
      await connection.send(next());
      const answers = await connection.readResponses(depth);
      const failed = answers.find(({ status }) => status < 200 || status > 299);
      if (failed !== undefined) throw new Error(`an answer is ${failed.status}`);
    },
    close: () => connection.destroy(),
  };
}

async function overWebSocket(
  { port }: Running,
  depth: number,
  { protocol, setup = () => [] }: WebSocketOptions,
  next: () => Buffer,
): Promise<Connection> {
  const socket = await RawWs.open(port, protocol);
  for (const payload of setup()) await exchange(socket, frame(payload));
  const { length } = await exchange(socket, next());
  return {
    async send() {
      const frames = Buffer.concat(Array.from({ length: depth }, next));
      const answers = await answersTo(socket, frames, depth);
      if (!answers.every((answer) => isAlike(answer, length)))
        throw new Error('an answer has another length');
    },
    close: () => socket.close(),
  };
}

/** Returns one after another, and begins again after the last. */
function inTurn<Each>(all: readonly Each[]): () => Each {
  let at = 0;
  return () => all[at++ % all.length]!;
}
