import { GENERATOR_CORE, pin, SERVER_CORE } from '../../loadtest/support/pin.ts';
import type { Contender, Running } from './contender.ts';
import { treeOf } from './process-tree.ts';

/** Gives `act` a stage, and stops all contenders afterwards. */
export async function onStage<T>(act: (stage: Stage) => Promise<T>): Promise<T> {
  // This process must not disturb the server's core.
  pin(GENERATOR_CORE, process.pid);
  const stage = new Stage();
  try {
    return await act(stage);
  } finally {
    await stage.close();
  }
}

/**
 * The contenders of a run. One is awake at a time, and the others are paused by SIGSTOP: timers of idle servers on
 * the same core would cut the rate of the measured one to a fraction.
 */
export class Stage {
  readonly #running = new Map<Contender, Running>();

  /** Wakes the contender, or starts it first, until `act` has ended. */
  async awake<T>(contender: Contender, act: (server: Running) => Promise<T>): Promise<T> {
    const known = this.#running.get(contender);
    const server = known ?? (await this.#start(contender));
    signal(server, 'SIGCONT');
    try {
      if (known !== undefined) await server.settle?.();
      return await act(server);
    } finally {
      signal(server, 'SIGSTOP');
    }
  }

  async close(): Promise<void> {
    for (const server of this.#running.values()) {
      signal(server, 'SIGCONT');
      await server.stop();
    }
    this.#running.clear();
  }

  async #start(contender: Contender): Promise<Running> {
    const server = await contender.start();
    this.#running.set(contender, server);
    for (const pid of treeOf(server.pids)) pin(SERVER_CORE, pid);
    await server.settle?.();
    return server;
  }
}

function signal({ pids }: Running, name: 'SIGSTOP' | 'SIGCONT'): void {
  // What a server needs continues before it, and is paused after it.
  const order = treeOf(pids);
  for (const pid of name === 'SIGCONT' ? order.reverse() : order) {
    try {
      process.kill(pid, name);
    } catch {
      // The process has ended; the next request to it fails.
    }
  }
}
