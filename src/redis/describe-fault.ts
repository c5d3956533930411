/**
 * What went wrong with a connection, as a sentence without secrets. A server that does not know AUTH, or what
 * stands before it, repeats the arguments of the command in its error; errors go into logs and `/health`.
 */
export function describeFault(error: Error, password: string | undefined): string {
  const text = messageOf(error).replace(/,? with args beginning with: .*$/s, '');
  return password ? text.replaceAll(password, '***') : text;
}

/** Several addresses that were tried in vain make an error whose own message is empty. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error.message;
}
