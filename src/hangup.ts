/** Receives SIGHUP from the first statement of a service. Node ends a process without a listener for it. */

let handle: (() => void) | undefined;
/** Whether a signal has arrived before `onHangup`. */
let missed = false;
let listening = false;

/** Keeps signals for `onHangup` if the command line starts a service. */
export function holdHangups(subcommand: string | undefined): void {
  if (subcommand === 'serve' || subcommand === 'serve-process') listen();
}

/** Calls `handler` at every SIGHUP, and once now if signals have arrived before. */
export function onHangup(handler: () => void): void {
  handle = handler;
  listen();
  if (missed) handler();
  missed = false;
}

function listen(): void {
  if (listening) return;
  listening = true;
  process.on('SIGHUP', () => {
    if (handle === undefined) missed = true;
    else handle();
  });
}
