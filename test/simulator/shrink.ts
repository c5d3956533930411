/** Shortens a plan that breaks a rule, as long as the shorter plan still breaks that rule. */
import { check } from './checker.ts';
import type { Plan } from './plan.ts';
import { simulate } from './simulate.ts';

const MAX_RUNS = 600;

export function shrink(plan: Plan, rule: string): Plan {
  let best = plan;
  let runs = 0;
  const still = (candidate: Plan) => {
    if (runs++ >= MAX_RUNS) return false;
    if (!check(simulate(candidate)).some((violation) => violation.rule === rule)) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    let from = 0;
    while (from < best.steps.length) {
      const steps = [...best.steps.slice(0, from), ...best.steps.slice(from + size)];
      if (!still({ ...best, steps })) from += size;
    }
    if (size === 1) break;
  }
  for (let i = best.sockets.length - 1; i >= 0; i--) {
    const usesIndex = best.steps.some((step) => 'trouble' in step && 'socket' in step.trouble);
    if (!usesIndex) still({ ...best, sockets: best.sockets.filter((_, other) => other !== i) });
  }
  const used = best.steps.map((step) =>
    'trouble' in step ? ('replica' in step.trouble ? step.trouble.replica : 0) : step.replica,
  );
  const needed = 1 + Math.max(0, ...used, ...best.sockets.map(({ replica }) => replica));
  if (needed < best.replicas) still({ ...best, replicas: needed, clocks: best.clocks.slice(0, needed) });
  still({ ...best, clocks: best.clocks.map(() => [0, 0] as const) });
  return best;
}
