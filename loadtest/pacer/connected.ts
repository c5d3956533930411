/**
 * Waits until all connections are open.
 * @param opened how many are open
 * @throws if they are not all open after `timeoutMs`
 */
export async function connected(connections: number, opened: () => number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (opened() < connections) {
    if (performance.now() > deadline)
      throw new Error(`of ${connections} connections only ${opened()} could be opened`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
