import { freePort } from '../../loadtest/target/redis-server.ts';

/** What V8 allocates in a process of Node, which knows nothing of it. */
export interface Heap {
  /** What the process must be started with. */
  readonly env: { readonly NODE_OPTIONS: string };
  /** Bytes since this was asked before; first, since it started. */
  allocated(): Promise<number>;
}

export async function heapOfNext(): Promise<Heap> {
  const port = await freePort();
  const reporter = new URL(`heap-reporter.ts?port=${port}`, import.meta.url);
  return {
    env: { NODE_OPTIONS: `--import=${reporter.href}` },
    allocated: async () => Number(await (await fetch(`http://127.0.0.1:${port}`)).text()),
  };
}
