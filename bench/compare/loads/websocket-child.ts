/** Keeps a number of requests under way on each WebSocket, with frames that were made before. */
import { RawWs } from '../../../loadtest/support/raw-ws.ts';
import { answerParent } from '../../support/child.ts';
import { exchange, isAlike } from './exchange.ts';

export interface WebSocketJob {
  readonly port: number;
  readonly protocol: string;
  /** Frames that each socket sends first, and whose answers do not count. */
  readonly setup: readonly Uint8Array[];
  /** The frames of the requests one after another. */
  readonly frames: Uint8Array;
  /** Where each frame ends. */
  readonly ends: readonly number[];
  readonly sockets: number;
  /** Requests under way on each socket. */
  readonly inFlight: number;
  readonly ms: number;
  /** Length of an answer. */
  readonly answerBytes: number;
}

export interface WebSocketResult {
  readonly answers: number;
  readonly seconds: number;
  /** Answers of another length. */
  readonly unlike: number;
  readonly lost: number;
}

answerParent(async (job: WebSocketJob): Promise<WebSocketResult> => {
  const frames = Buffer.from(job.frames);
  const count = job.ends.length;
  const startOf = (index: number) => (index === 0 ? 0 : job.ends[index - 1]!);
  let [answers, unlike, lost, at] = [0, 0, 0, 0];
  const open = () => openWith(job);
  const sockets = await Promise.all(Array.from({ length: job.sockets }, open));
  for (const socket of sockets) {
    let due = 0;
    const send = () => {
      // What one packet answered goes out in one write: the frames lie one after another.
      const from = at + due > count ? 0 : at;
      at = from + due;
      socket.sendFrame(frames.subarray(startOf(from), startOf(at)));
      due = 0;
    };
    socket.onGone = () => lost++;
    socket.onFrame = (payload) => {
      answers++;
      if (!isAlike(payload, job.answerBytes)) unlike++;
      if (due++ === 0) queueMicrotask(send);
    };
    due = job.inFlight;
    send();
  }
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, job.ms));
  const result = { answers, seconds: (performance.now() - started) / 1000, unlike, lost };
  for (const socket of sockets) socket.close();
  return result;
});

async function openWith({ port, protocol, setup }: WebSocketJob): Promise<RawWs> {
  const socket = await RawWs.open(port, protocol);
  for (const request of setup) await exchange(socket, Buffer.from(request));
  return socket;
}
