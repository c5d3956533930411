import { describeTlsFault } from './tls.ts';

/**
 * Returns the error of a connection as a sentence without secrets, for logs and `/health`. A server that does not know
 * `AUTH` repeats the arguments of the command, and so the password, in its error.
 */
export function describeFault(error: Error, password: string | undefined): string {
  const text = messageOf(error).replace(/,? with args beginning with: .*$/s, '');
  return password ? text.replaceAll(password, '***') : text;
}

/** When a host has several addresses and none answers, Node's error has an empty message and one error for each. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return describeTlsFault(error) ?? error.message;
}
