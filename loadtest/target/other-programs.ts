import { GENERATOR_CORE, SERVER_CORE } from '../support/pin.ts';
import { busySecondsOf, cpuSecondsOf } from './proc.ts';

/**
 * What other programs take, from now on, of the cores on which a run is measured. A tail that they made is none of
 * the server's.
 */
export class OtherPrograms {
  readonly #cores: readonly { core: number; pids: readonly number[]; before: number | undefined }[];
  readonly #at = performance.now();

  constructor(onServerCore: readonly (number | undefined)[], onGeneratorCore: readonly number[]) {
    const known = onServerCore.filter((pid) => pid !== undefined);
    this.#cores = [
      { core: SERVER_CORE, pids: known },
      { core: GENERATOR_CORE, pids: onGeneratorCore },
    ].map((core) => ({ ...core, before: taken(core) }));
  }

  /** Of the core on which they take more, 0 to 1; 0 where it cannot be known. */
  share(): number {
    const seconds = (performance.now() - this.#at) / 1000;
    const shares = this.#cores.map((core) => {
      const now = taken(core);
      return now === undefined || core.before === undefined ? 0 : (now - core.before) / seconds;
    });
    return Math.max(0, ...shares);
  }
}

/** Seconds that the core was busy and not with these. */
function taken({ core, pids }: { core: number; pids: readonly number[] }): number | undefined {
  const busy = busySecondsOf(core);
  return busy && pids.reduce((rest, pid) => rest - (cpuSecondsOf(pid) ?? 0), busy);
}
