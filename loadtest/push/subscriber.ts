import { RawWs } from '../support/raw-ws.ts';

const UPDATE = Buffer.from('"event":"update"');
const MERGED = Buffer.from('"merged":');
const NUMBER = Buffer.from('"n":');

/** A push: the number of the newest update, and how many older updates of its key it replaces. */
export interface Pushed {
  readonly n: number;
  readonly merged: number;
}

/** Opens a socket that receives every update with its value. */
export async function subscribe(port: number): Promise<RawWs> {
  const socket = await RawWs.open(port);
  await new Promise<void>((resolve, reject) => {
    socket.onFrame = () => resolve();
    socket.onGone = () => reject(new Error('the server refused a subscriber'));
    socket.send('{"id":1,"op":"subscribe","prefixes":["borrow_rate:PUSH"],"values":true}');
  });
  return socket;
}

/** Undefined for any other frame. Searches bytes, because parsing JSON would limit the generator. */
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
