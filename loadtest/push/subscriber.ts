import { RawWs } from '../support/raw-ws.ts';

const UPDATE = Buffer.from('"event":"update"');
const MERGED = Buffer.from('"merged":');
const NUMBER = Buffer.from('"n":');

/** What a push brings: the number of the newest update, and how many older ones of its key it stands for. */
export interface Pushed {
  readonly n: number;
  readonly merged: number;
}

/** A socket that is told of every update, with its value. */
export async function subscribe(port: number): Promise<RawWs> {
  const socket = await RawWs.open(port);
  await new Promise<void>((resolve, reject) => {
    socket.onFrame = () => resolve();
    socket.onGone = () => reject(new Error('a subscriber was refused'));
    socket.send('{"id":1,"op":"subscribe","prefixes":["borrow_rate:PUSH"],"values":true}');
  });
  return socket;
}

/** Undefined where the frame is no push of an update. Read by hand: parsing would be the generator's limit. */
export function pushed(payload: Buffer): Pushed | undefined {
  if (!payload.includes(UPDATE)) return undefined;
  const n = numberAfter(payload, NUMBER);
  return n === undefined ? undefined : { n, merged: numberAfter(payload, MERGED) ?? 0 };
}

function numberAfter(payload: Buffer, name: Buffer): number | undefined {
  const at = payload.indexOf(name);
  if (at === -1) return undefined;
  return Number.parseInt(payload.toString('latin1', at + name.length, at + name.length + 16), 10);
}
