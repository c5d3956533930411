import type { RawWs } from '../../../loadtest/support/raw-ws.ts';

/** By this share an answer may be longer or shorter: its `ttl` loses digits as time passes. */
const TOLERANCE = 0.05;

/** Sends one request, and returns its answer. */
export async function exchange(socket: RawWs, request: Buffer): Promise<Buffer> {
  const [answer] = await answersTo(socket, request, 1);
  return answer!;
}

/** Sends the frames of so many requests at once, and returns their answers. */
export function answersTo(socket: RawWs, frames: Buffer, count: number): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const answers: Buffer[] = [];
    socket.onFrame = (payload) => {
      answers.push(Buffer.from(payload));
      if (answers.length === count) resolve(answers);
    };
    socket.onGone = () => reject(new Error('the connection was closed instead of an answer'));
    socket.sendFrame(frames);
  });
}

/** Whether this can be an answer to a request whose answers have this length. */
export function isAlike(answer: Buffer, length: number): boolean {
  return Math.abs(answer.length / length - 1) <= TOLERANCE;
}
