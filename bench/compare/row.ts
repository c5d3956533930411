/** How a file of `rows/` says what it measures: a row is one table, its contestants are the lines. */
import type { Contender } from './contender.ts';
import type { Figure } from './figure.ts';
import type { Load } from './load.ts';

/** Contestants that are measured in turn, round by round. */
export interface Row {
  /** For the command line. */
  readonly name: string;
  readonly title: string;
  /** How this row differs from others, in a sentence or two. */
  readonly about: string;
  /** The first is ours. */
  readonly contestants: readonly Contestant[];
  /** The name of the contestant that ratios compare with. */
  readonly reference: string;
  readonly figures: readonly Figure[];
  /** At most so many rounds: instructions are the same in each. */
  readonly rounds?: number;
  /** Of the first contestant. */
  readonly targets?: readonly Target[];
  /** The most instructions of the first contestant that `--gate` accepts. Rows without it are not part of the gate. */
  readonly limit?: InstructionLimit;
}

export interface InstructionLimit {
  /** Instructions of a request; with `against`, a multiple of those of that contestant. */
  readonly atMost: number;
  readonly against?: string;
}

export interface Contestant {
  readonly name: string;
  readonly title: string;
  readonly contender: Contender;
  readonly load: Load;
}

/** The first contestant's figure as a multiple of another contestant's. */
export interface Target {
  readonly figure: Figure;
  /** A contestant's name. */
  readonly against: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export function by(contender: Contender, load: Load): Contestant {
  return { name: contender.name, title: contender.title, contender, load };
}

export function rateAtLeast(atLeast: number, against: string): Target {
  return { figure: 'perSecond', against, atLeast };
}

export function cpuAtMost(atMost: number, against: string): Target {
  return { figure: 'cpuUs', against, atMost };
}
