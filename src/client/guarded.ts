/** Calls handlers of the program. An error of theirs must not reach the connection. */
export function guarded<Argument>(
  handler: (argument: Argument) => unknown,
  onError: (error: unknown) => void,
): (argument: Argument) => void {
  // In a later turn, because `onError` may throw too.
  const report = (error: unknown) => queueMicrotask(() => onError(error));
  return (argument) => {
    try {
      const result = handler(argument);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
