import type { VariableName } from './variables.ts';

export interface Fault {
  readonly variable: VariableName;
  /** The value of the variable in quotes, `(not set)`, or `(hidden)` for a secret. */
  readonly actual: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
}

/** Reports that the value of a variable is not what was expected. */
export type ReportFault = (variable: VariableName, expected: string) => void;
