/** Runs a function outside of microtasks, because the simulator drains the microtask queue itself. */
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
