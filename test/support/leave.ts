/**
 * Loaded before each test file. When a process ends without process.exit, Node 22 waits for requests of handles that were
 * unreferenced, such as the pipes of child processes, and on a busy machine it waits for ever, with a core at full
 * load (`Environment::CleanupHandles`). So a process that has nothing more to do leaves at once, with its exit code.
 */
process.once('beforeExit', () => {
  // After all other listeners, including the listeners of the test runner.
  process.on('exit', (code) => {
    (process as unknown as { reallyExit(code: number): never }).reallyExit(Number(process.exitCode ?? code));
  });
});
