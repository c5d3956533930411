import { existsSync } from 'node:fs';
import { pin, SERVER_CORE } from '../../loadtest/support/pin.ts';
import { isOnPath } from '../../loadtest/target/programs.ts';
import type { Peer, Running } from '../peers/peer.ts';
import { treeOf } from './process-tree.ts';

/**
 * The servers of a run, of which one is awake at a time. The others are stopped by SIGSTOP: the timers of idle
 * servers on the same core would cut the rates of the one that is measured to a fraction.
 */
export class Stage {
  readonly #running = new Map<Peer, Running>();

  /** Lets the peer's server go on, started first if need be, until `act` is through. */
  async awake<T>(peer: Peer, act: (server: Running) => Promise<T>): Promise<T> {
    const known = this.#running.get(peer);
    const server = known ?? (await this.#start(peer));
    signal(server, 'SIGCONT');
    try {
      if (known !== undefined) await server.settle?.();
      return await act(server);
    } finally {
      signal(server, 'SIGSTOP');
    }
  }

  /** Ends the peer's server if there is one, so that the next is new. */
  async end(peer: Peer): Promise<void> {
    const server = this.#running.get(peer);
    if (server === undefined) return;
    this.#running.delete(peer);
    signal(server, 'SIGCONT');
    await server.stop();
  }

  async close(): Promise<void> {
    for (const peer of [...this.#running.keys()]) await this.end(peer);
  }

  async #start(peer: Peer): Promise<Running> {
    const server = await peer.start();
    this.#running.set(peer, server);
    for (const pid of treeOf(server.pids)) pin(SERVER_CORE, pid);
    await server.settle?.();
    return server;
  }
}

function signal({ pids }: Running, name: 'SIGSTOP' | 'SIGCONT'): void {
  // What a server needs goes on before it, and is stopped after it.
  const order = treeOf(pids);
  for (const pid of name === 'SIGCONT' ? order.reverse() : order) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended: whoever asks it something will tell.
    }
  }
}

/** The first program or file that a peer needs and that is not here. */
export function missingFor({ needs }: Peer): string | undefined {
  // Debian keeps servers where the PATH of a user does not look.
  return needs.find((need) => !(need.startsWith('/') ? existsSync(need) : isOnPath(need, '/usr/sbin')));
}
