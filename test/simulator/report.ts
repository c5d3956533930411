/** Prints a history for a human reader. */
import { check } from './checker.ts';
import type { Plan } from './plan.ts';
import type { Violation } from './records.ts';
import { type Outcome, simulate } from './simulate.ts';

const MOST_LINES = 80;

export function historyOf(plan: Plan, violations: readonly Violation[], outcome: Outcome): string {
  const lines = [
    `seed ${plan.seed}, configuration ${plan.config}, clocks ahead by ${plan.clocks.map(([ms]) => ms).join(', ')} ms`,
  ];
  for (const { rule, text } of violations.slice(0, 4)) lines.push(`BROKEN ${rule}: ${text}`);
  const keys = new Set(violations.map(({ key }) => key).filter((key) => key !== undefined));
  const about = (line: string) =>
    keys.size === 0 ||
    !plan.keys.some((key) => line.includes(key)) ||
    [...keys].some((key) => line.includes(key));
  const timed: (readonly [at: number, line: string])[] = [];
  for (const event of outcome.events) if (about(event)) timed.push([Number.parseFloat(event), event]);
  for (const key of keys)
    for (const { at, version, value, cause, operation } of outcome.redis.history.of(key).slice(1))
      timed.push([
        at,
        `${at.toFixed(3)}     Redis: ${key} = ${value ?? 'nothing'} ${version ?? ''} (${cause}${operation === undefined ? '' : ` by #${operation}`})`,
      ]);
  outcome.sockets.forEach((socket, i) => {
    for (const line of socket.log)
      if (about(line)) timed.push([Number.parseFloat(line), `${line} -> socket ${i}`]);
  });
  timed.sort(([a], [b]) => a - b);
  const shown = timed.length > MOST_LINES ? timed.slice(-MOST_LINES) : timed;
  if (shown.length < timed.length) lines.push(`(${timed.length - shown.length} earlier lines are left out)`);
  for (const [, line] of shown) lines.push(line);
  return lines.join('\n');
}

/** Runs a plan and returns the history of its violations, or '' without a violation. */
export function reportOn(plan: Plan): string {
  const outcome = simulate(plan);
  const violations = check(outcome);
  return violations.length === 0 ? '' : historyOf(plan, violations, outcome);
}
