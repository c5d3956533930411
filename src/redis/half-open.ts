import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';

/** The interval between two checks of a connection. */
const LOOK_MS = 500;

/** Members that ioredis does not declare. */
interface Inside {
  readonly stream: Pick<Socket, 'bytesRead' | 'destroy'>;
  readonly commandQueue: { readonly length: number };
}

/**
 * Closes a connection on which a reply is due and no byte has arrived for `silenceMs`, because it is half open. ioredis
 * then reconnects. It is noticed up to half a second late.
 *
 * ioredis's own `socketTimeout` needs a timer and a listener for each round trip, which takes a tenth of its time.
 * @param silenceMs a multiple of half a second
 */
export function closeWhenSilent(redis: Redis, silenceMs: number): void {
  const inside = redis as unknown as Inside;
  let timer: NodeJS.Timeout | undefined;
  let bytesRead = 0;
  let silentLooks = 0;
  const look = () => {
    const { stream, commandQueue } = inside;
    const silent = commandQueue.length > 0 && stream.bytesRead === bytesRead;
    bytesRead = stream.bytesRead;
    silentLooks = silent ? silentLooks + 1 : 0;
    // One check more than `silenceMs` needs: a command may have been sent just before the first check.
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
    bytesRead = inside.stream.bytesRead;
    silentLooks = 0;
    timer = setInterval(look, LOOK_MS);
    timer.unref();
  });
  redis.on('close', stop);
}
