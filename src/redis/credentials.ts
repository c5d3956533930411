import { readFileSync } from 'node:fs';

export interface CredentialsOptions {
  readonly username: string | undefined;
  /** Undefined or '' for a server without a password. */
  readonly password: string | undefined;
  /** A file with the password; it replaces `password`. */
  readonly file: string | undefined;
  /** Called when the file cannot be used; once until it can be used again. */
  readonly onFault: (error: Error) => void;
}

/** The user and the password for Redis. A password file is read at every access, because its content rotates. */
export class Credentials {
  readonly #options: CredentialsOptions;
  #password: string | undefined;
  #faulty = false;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#password = options.password || undefined;
  }

  get username(): string | undefined {
    return this.#options.username;
  }

  /** The password. While the file cannot be read, or is empty, it is the last password. */
  get password(): string | undefined {
    const { file, onFault } = this.#options;
    if (file === undefined) return this.#password;
    try {
      const text = readFileSync(file, 'utf8').replace(/[\r\n]+$/, '');
      if (text === '') throw new Error(`${file} is empty`);
      this.#password = text;
      this.#faulty = false;
    } catch (error) {
      if (!this.#faulty) onFault(error as Error);
      this.#faulty = true;
    }
    return this.#password;
  }
}
