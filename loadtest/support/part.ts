/** Parts of the harness that run in separate processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { self } from '../../src/cli/self.ts';

export const PARTS = ['generator', 'constant-server', 'memory'] as const;
export type Part = (typeof PARTS)[number];

/** Starts a part of the harness, with a channel for messages. */
export function startPart(part: Part, ...parameters: readonly number[]): ChildProcess {
  const { command, args } = self('load-part', part, ...parameters.map(String));
  return spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
