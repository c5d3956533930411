/** Keeps so many requests under way on each of some WebSockets, with frames that were made before. */
import { RawWs } from '../../../loadtest/support/raw-ws.ts';
import { doJob } from './child.ts';

export interface WebSocketJob {
  readonly port: number;
  readonly protocol: string;
  /** The frames of the requests one after another, each of `frameBytes`. */
  readonly frames: Uint8Array;
  readonly frameBytes: number;
  readonly connections: number;
  /** Requests under way on each. */
  readonly inFlight: number;
  readonly ms: number;
  /** Of the answers; one that is shorter or longer by more than a few digits is none. */
  readonly answerBytes: number;
}

export interface WebSocketTold {
  readonly answers: number;
  readonly seconds: number;
  readonly unlike: number;
  readonly lost: number;
}

/** Of `answerBytes`: `ttl` in it loses digits as time passes. */
const TOLERANCE = 0.05;

doJob<WebSocketJob>(async (job) => {
  const frames = Buffer.from(job.frames);
  const count = frames.length / job.frameBytes;
  let answers = 0;
  let unlike = 0;
  let lost = 0;
  let at = 0;
  const sockets = await Promise.all(
    Array.from({ length: job.connections }, () => RawWs.open(job.port, job.protocol)),
  );
  for (const socket of sockets) {
    let owed = 0;
    const send = () => {
      // What one packet answered goes out in one write: frames of one length lie one after another.
      const from = at + owed > count ? 0 : at;
      at = from + owed;
      socket.sendFrame(frames.subarray(from * job.frameBytes, at * job.frameBytes));
      owed = 0;
    };
    socket.onGone = () => lost++;
    socket.onFrame = (payload) => {
      answers++;
      if (Math.abs(payload.length / job.answerBytes - 1) > TOLERANCE) unlike++;
      if (owed++ === 0) queueMicrotask(send);
    };
    owed = job.inFlight;
    send();
  }
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, job.ms));
  const seconds = (performance.now() - started) / 1000;
  const told: WebSocketTold = { answers, seconds, unlike, lost };
  for (const socket of sockets) socket.close();
  return told;
});
