import type { RawWs } from '../../../loadtest/support/raw-ws.ts';

/** Sends one request, and returns its answer. */
export function exchange(socket: RawWs, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.onFrame = (payload) => resolve(Buffer.from(payload));
    socket.onGone = () => reject(new Error('the connection was closed instead of an answer'));
    socket.sendFrame(request);
  });
}
