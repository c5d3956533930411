/** Error replies of real servers, raised by `redis.call` and returned by `redis.pcall`. */
export interface Refusal {
  readonly server: string;
  /** The reason in the metrics. */
  readonly kind: string;
  readonly text: string;
}

const SHA = 'bd6f3018b28bbdb36260f19d3c44afed740db987';
const MISCONF =
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

/** Errors with the same text on every version. */
const NAMED: Readonly<Record<string, string>> = {
  oom: "OOM command not allowed when used memory > 'maxmemory'.",
  readonly: "READONLY You can't write against a read only replica.",
  noreplicas: 'NOREPLICAS Not enough good replicas to write.',
  misconf: MISCONF,
  masterdown: "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  loading: 'LOADING Redis is loading the dataset in memory',
  busy: 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
};

/** Refusals by an ACL: of a command, a key or a channel. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  '6.2': [
    "The user executing the script can't run this command or subcommand",
    "The user executing the script can't access at least one of the keys mentioned in the command arguments",
    "The user executing the script can't publish to the channel mentioned in the command",
  ],
  '7.0': [
    "ERR The user executing the script can't run this command or subcommand",
    "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
    "ERR The user executing the script can't publish to the channel mentioned in the command",
  ],
  '8.0': [
    "ERR ACL failure in script: User default has no permissions to run the 'set' command",
    'ERR ACL failure in script: No permissions to access a key',
    'ERR ACL failure in script: No permissions to access a channel',
  ],
};

/** Errors outside of scripts. */
const OUTSIDE: readonly Refusal[] = [
  { server: '7.0', kind: 'noperm', text: "NOPERM this user has no permissions to run the 'evalsha' command" },
  {
    server: '8.0',
    kind: 'noperm',
    text: "NOPERM User default has no permissions to run the 'evalsha' command",
  },
  { server: '7.0', kind: 'noauth', text: 'NOAUTH Authentication required.' },
  { server: '7.0', kind: 'wrongpass', text: 'WRONGPASS invalid username-password pair or user is disabled.' },
];

export const REFUSALS: readonly Refusal[] = [
  ...OUTSIDE,
  ...['6.2', '7.0', '8.0'].flatMap((server) => [
    ...Object.entries(NAMED).flatMap(([kind, text]) => inScript(server, kind, text)),
    ...FORBIDDEN[server]!.flatMap((text) => inScript(server, 'noperm', text)),
  ]),
];

function inScript(server: string, kind: string, text: string): Refusal[] {
  const [called, returned] =
    server === '6.2'
      ? [
          `ERR Error running script (call to f_${SHA}): @user_script:1: @user_script: 1: ${dashed(text)}  `,
          `@user_script: 1: ${dashed(text)}`,
        ]
      : [`${text} script: ${SHA}, on @user_script:1.`, text];
  return [called, returned, text].map((each) => ({ server, kind, text: each }));
}

/** Redis 6.2 includes protocol text in errors that it raises before it calls the command. */
function dashed(text: string): string {
  return /^[A-Z]{3}/.test(text) ? `-${text}` : text;
}
