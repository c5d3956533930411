/** Runs something outside of every promise: the simulator settles microtasks itself, and none may run already. */
export function apart<T>(run: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(run());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}
