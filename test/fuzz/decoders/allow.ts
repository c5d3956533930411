// biome-ignore lint/suspicious/noExplicitAny: the constructor of any error
type ErrorClass = new (...args: any[]) => Error;

/** Returns the result, or undefined if one of these errors is thrown. Any other error is thrown. */
export function allow<T>(errors: readonly ErrorClass[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (errors.some((each) => error instanceof each)) return undefined;
    throw error;
  }
}
