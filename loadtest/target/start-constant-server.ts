import { once } from 'node:events';
import type { Profile } from '../profile.ts';
import { startPart } from '../support/part.ts';
import { pin, SERVER_CORE } from '../support/pin.ts';

const START_TIMEOUT_MS = 30_000;
/** About the size of a row of the broker's file. */
const VALUE_BYTES = 250;
const QUOTE_KEYS = 5;

export interface ConstantServer {
  readonly port: number;
  stop(): void;
}

/** Starts the constant server on the core of the measured server, with answers of the same size. */
export async function startConstantServer({
  data,
  traffic,
}: Pick<Profile, 'data' | 'traffic'>): Promise<ConstantServer> {
  const parts = traffic.kind === 'mix' ? traffic.parts : [];
  const isSized = data.listed !== undefined || parts.some(({ type }) => type === 'calculation');
  const bytes = isSized ? (data.valueBytes ?? VALUE_BYTES) : VALUE_BYTES;
  const items = Math.max(1, ...parts.map(({ op, size = 1 }) => (op === 'quote' ? QUOTE_KEYS : size)));
  const child = startPart('constant-server', bytes, items);
  try {
    const [{ port }] = await once(child, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    pin(SERVER_CORE, child.pid!);
    return { port, stop: () => void child.kill('SIGKILL') };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
