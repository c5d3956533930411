import { GENERATOR_CORE, SERVER_CORE } from '../support/pin.ts';
import { busySecondsOf, cpuSecondsOf } from './proc.ts';

/** Measures the CPU that other programs use on the measured cores from now on. They may cause tail latency. */
export class OtherPrograms {
  readonly #cores: readonly { core: number; pids: readonly number[]; before: number | undefined }[];
  readonly #at = performance.now();

  /**
   * @param onServerCore the processes of the service and its Redis; without any, only the generator's core is measured,
   * because a service that the harness did not start has no core of its own
   */
  constructor(onServerCore: readonly (number | undefined)[], onGeneratorCore: readonly number[]) {
    const known = onServerCore.filter((pid) => pid !== undefined);
    this.#cores = [
      ...(known.length === 0 ? [] : [{ core: SERVER_CORE, pids: known }]),
      { core: GENERATOR_CORE, pids: onGeneratorCore },
    ].map((core) => ({ ...core, before: usedByOthers(core) }));
  }

  /** Their share of the core on which they use more, 0 to 1; null if it is unknown. */
  share(): number | null {
    const seconds = (performance.now() - this.#at) / 1000;
    const shares = this.#cores.flatMap((core) => {
      const now = usedByOthers(core);
      return now === undefined || core.before === undefined ? [] : [(now - core.before) / seconds];
    });
    return shares.length === 0 ? null : Math.max(0, ...shares);
  }
}

/** Seconds that the core was busy with other processes than these. */
function usedByOthers({ core, pids }: { core: number; pids: readonly number[] }): number | undefined {
  const busy = busySecondsOf(core);
  return busy && pids.reduce((rest, pid) => rest - (cpuSecondsOf(pid) ?? 0), busy);
}
