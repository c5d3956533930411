/** Applies one defect at a time to the service, to prove that the simulator detects it. */
import { type MutantName, mutantNamed } from '../mutants/index.ts';
import { all } from '../mutants/mutant.ts';
import { check } from './checker.ts';
import type { Argument, Command } from './model-redis.ts';
import { type Plan, planOf, type Topology } from './plan.ts';
import { type Defects, simulate } from './simulate.ts';

/** A defect of the service, or of the commands that it sends. */
export interface MutantCase {
  /** The number in the list of faults, or another promise that the simulator checks. */
  readonly fault: string;
  readonly name: string;
  readonly mutants?: readonly MutantName[];
  readonly defects?: Defects;
  /** The topologies with this fault; by default all. */
  readonly on?: readonly Topology[];
}

/** The places of the condition and the deadline among the five arguments of a key in the write script. */
const CONDITION = 1;
const DEADLINE = 4;

/** Changes one argument of each key in each call of the write script. */
function rewrite(
  place: number,
  change: (argument: Argument, op: string, connection: string) => Argument,
): Defects {
  return {
    tamper: (connection, command): Command => {
      const { name, args } = command;
      if ((name !== 'EVALSHA' && name !== 'EVAL') || args[0] !== 'ratecacheWrite') return command;
      const changed = [...args];
      const first = 2 + Number(args[1]) + 3;
      for (let at = first; at < changed.length; at += 5)
        changed[at + place] = change(changed[at + place]!, String(changed[at]), connection);
      return { name, args: changed };
    },
  };
}

function isOlder(condition: Argument): boolean {
  const first = Buffer.isBuffer(condition) ? condition[0] : undefined;
  return first === 0x3c || first === 0x7e;
}

export const CASES: readonly MutantCase[] = [
  {
    fault: '1',
    name: 'a pending write does not yield to a newer version that the link reports',
    mutants: [
      'a pending write does not yield to a newer version that the link reports',
      'a timed-out write becomes pending although Redis has a newer value',
    ],
  },
  mutant('1', 'an open circuit breaker does not show in the state'),
  mutant('2', 'a pending write replaces a newer pending write'),
  {
    fault: '2',
    name: 'a replayed write replaces any value in Redis',
    defects: rewrite(CONDITION, (condition, op) => (op === 'set' && isOlder(condition) ? '' : condition)),
  },
  {
    fault: '2',
    name: 'a change is applied after its deadline',
    defects: rewrite(DEADLINE, () => ''),
  },
  {
    fault: '3',
    name: 'flush and invalidate also delete newer values',
    defects: rewrite(CONDITION, (condition, op) => (op === 'delete' && isOlder(condition) ? '' : condition)),
  },
  mutant('4', 'a deletion by match removes values that were written while it ran'),
  mutant('5', 'one refused change ends a replay'),
  mutant('6', 'a conditional change that cannot be sent deletes the entry in L1'),
  {
    fault: '9',
    name: 'the service reconnects again and again to a Redis that is a replica',
    on: ['single'],
    defects: {
      tamper: (_connection, command) =>
        command.name === 'ROLE' ? { name: 'ROLE OF A MASTER', args: [] } : command,
    },
  },
  mutant('7', 'replicas use their own wall clocks'),
  {
    fault: '7',
    name: 'replicas use their own wall clocks, and Redis does not cut stamps',
    mutants: ['replicas use their own wall clocks'],
    defects: { uncapped: true },
  },
  {
    ...mutant('8', 'a flush of another database reaches subscribers as a flush of all keys'),
    on: ['single'],
  },
  {
    fault: '8',
    name: 'SWAPDB is not detected',
    on: ['single'],
    defects: {
      // Without GET, the answer does not show that the canary belongs to another database.
      tamper: (_connection, command) =>
        command.name === 'SET' && command.args.at(-1) === 'GET'
          ? { name: 'CANARY', args: command.args }
          : command,
    },
  },
  mutant('10', 'a failed refresh is not repeated'),
  mutant('14', 'pending keys are missing in snapshots by type'),
  mutant('races', 'a change does not fence the read in progress'),
  mutant('races', 'a link that is armed again does not empty L1'),
  mutant('bound', 'a silent link counts as alive'),
  { ...mutant('failover', 'a change does not wait for replicas'), on: ['cluster', 'sentinel'] },
  {
    fault: 'failover',
    name: 'the announcement of another master is ignored',
    defects: { deaf: true },
    on: ['sentinel'],
  },
  { ...mutant('failover', 'entries of a slot that has moved stay in L1'), on: ['cluster'] },
  mutant('dependents', 'dependents are not compared with their inputs'),
  mutant('dependents', 'the order of the link does not count for dependents'),
  mutant('dependents', 'a gap in the link does not make earlier changes of inputs unknown'),
];

function mutant(fault: string, name: MutantName): MutantCase {
  return { fault, name, mutants: [name] };
}

export interface Found {
  readonly seeds: number;
  readonly rule: string;
}

/** Runs seeds until one breaks a rule that it keeps without the defect. Must not run inside a microtask. */
export function seedsUntilFound(
  mutantCase: MutantCase,
  most: number,
  topology: Topology = 'single',
): Found | undefined {
  for (let seed = 1; seed <= most; seed++) {
    const rules = rulesBroken(planOf(seed, topology), mutantCase);
    if (rules.length === 0) continue;
    const without = rulesBroken(planOf(seed, topology));
    const rule = rules.find((each) => !without.includes(each));
    if (rule !== undefined) return { seeds: seed, rule };
  }
  return undefined;
}

function rulesBroken(plan: Plan, { mutants = [], defects }: Partial<MutantCase> = {}): string[] {
  const undo = all(...mutants.map(mutantNamed))();
  try {
    return check(simulate(plan, defects)).map(({ rule }) => rule);
  } finally {
    undo();
  }
}
