/** Profiles a process of Node that knows nothing of it, through the inspector that SIGUSR1 opens in it. */
import { once } from 'node:events';
import type { Profiler } from 'node:inspector';
import { until } from '../../loadtest/support/until.ts';

export type CpuProfile = Profiler.Profile;

/** Where every process opens it that is not told otherwise: so one at a time can be profiled. */
const TARGETS = 'http://127.0.0.1:9229/json/list';

export class Inspector {
  readonly #socket: WebSocket;
  readonly #asked = new Map<number, PromiseWithResolvers<object>>();
  #id = 0;

  /** @throws where it does not open, or another process has the port */
  static async of(pid: number): Promise<Inspector> {
    process.kill(pid, 'SIGUSR1');
    const inspector = new Inspector(new WebSocket(await until(targetUrl)));
    await once(inspector.#socket, 'open');
    const evaluated = await inspector.#ask('Runtime.evaluate', { expression: 'process.pid' });
    const { value } = (evaluated as { readonly result: { readonly value: unknown } }).result;
    if (value === pid) return inspector;
    await inspector.close();
    throw new Error(`port 9229 is taken: process ${value} has its inspector there`);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result, error } = JSON.parse(data) as Answer;
      if (error) this.#asked.get(id)?.reject(new Error(error.message));
      else this.#asked.get(id)?.resolve(result);
      this.#asked.delete(id);
    });
    socket.addEventListener('close', () => {
      for (const { reject } of this.#asked.values()) reject(new Error('the profiled process is gone'));
    });
  }

  async start(intervalUs: number): Promise<void> {
    await this.#ask('Profiler.enable');
    await this.#ask('Profiler.setSamplingInterval', { interval: intervalUs });
    await this.#ask('Profiler.start');
  }

  async stop(): Promise<CpuProfile> {
    const { profile } = (await this.#ask('Profiler.stop')) as Profiler.StopReturnType;
    return profile;
  }

  /** The process then ends when it is told to, which it does not while somebody is connected. */
  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #ask(method: string, params: object = {}): Promise<object> {
    const id = this.#id++;
    const answer = Promise.withResolvers<object>();
    this.#asked.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer.promise;
  }
}

interface Answer {
  readonly id: number;
  readonly result: object;
  readonly error?: { readonly message: string };
}

async function targetUrl(): Promise<string | undefined> {
  const targets = (await (await fetch(TARGETS)).json()) as { readonly webSocketDebuggerUrl: string }[];
  return targets[0]?.webSocketDebuggerUrl;
}
