/** A task that never runs twice at the same time. */
export class Serial {
  readonly #task: () => Promise<void>;
  #isRunning = false;
  #isWanted = false;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Runs the task now. Calls while it runs make it run once more afterwards. */
  async run(): Promise<void> {
    this.#isWanted = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#task();
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
