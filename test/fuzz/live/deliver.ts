import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** Bytes for a connection of their own. */
export interface Delivery {
  /** Each is one TCP segment, if the system does not join them. */
  readonly segments: readonly Buffer[];
  /** `finish`: the client finishes at once. `wait`: after the answer, or a short silence. `reset`: it resets the connection. */
  readonly ending: 'finish' | 'wait' | 'reset';
}

/** How long the client waits for an answer. It decides only how far the service gets, and no verdict. */
const QUIET_MS = 20;
const STUCK_MS = 30_000;

/**
 * Sends bytes and returns everything that the service sent.
 * @param greeting what the client sends and awaits an answer to before
 * @throws Error if the service does not close the connection after the client has
 */
export function deliver(port: number, { segments, ending }: Delivery, greeting?: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const received: Buffer[] = [];
    let wake = () => {};
    const stuck = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the service did not close the connection within ${STUCK_MS / 1000} s of its end`));
    }, STUCK_MS);
    socket.on('data', (chunk) => {
      received.push(chunk);
      wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
    });
    socket.on('close', () => {
      clearTimeout(stuck);
      wake();
      resolve(Buffer.concat(received));
    });
    const answer = () =>
      new Promise<void>((answered) => {
        const timer = setTimeout(answered, QUIET_MS);
        wake = () => {
          clearTimeout(timer);
          answered();
        };
      });
    const play = async () => {
      if (greeting !== undefined) {
        socket.write(greeting);
        while (received.length === 0 && !socket.destroyed && !socket.readableEnded) await answer();
      }
      for (const segment of segments) {
        socket.write(segment);
        await setImmediate();
      }
      if (ending === 'wait') await answer();
      if (ending === 'reset') socket.resetAndDestroy();
      else socket.end();
    };
    socket.on('connect', () => void play());
  });
}
