import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';

/** How often a connection is looked at. */
const LOOK_MS = 500;

/** What ioredis does not declare. */
interface Inside {
  readonly stream: Pick<Socket, 'bytesRead' | 'destroy'>;
  readonly commandQueue: { readonly length: number };
}

/**
 * A connection on which an answer is due, and nothing at all has come for so long, is half open: it is broken, so that
 * ioredis makes a new one. Noticed at most one look later.
 *
 * ioredis's own `socketTimeout` has a timer and a listener for each round trip, which is a tenth of the time that one
 * takes.
 * @param silenceMs a multiple of half a second
 */
export function breakWhenSilent(redis: Redis, silenceMs: number): void {
  const inside = redis as unknown as Inside;
  let timer: NodeJS.Timeout | undefined;
  let heard = 0;
  let silentLooks = 0;
  const look = () => {
    const { stream, commandQueue } = inside;
    const silent = commandQueue.length > 0 && stream.bytesRead === heard;
    heard = stream.bytesRead;
    silentLooks = silent ? silentLooks + 1 : 0;
    // What is due at the first of them may have been asked for just before it.
    if (silentLooks <= silenceMs / LOOK_MS) return;
    stop();
    stream.destroy(new Error(`Redis sent nothing for ${silenceMs} ms although a reply was due`));
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };
  redis.on('connect', () => {
    stop();
    heard = inside.stream.bytesRead;
    silentLooks = 0;
    timer = setInterval(look, LOOK_MS);
    timer.unref();
  });
  redis.on('close', stop);
}
