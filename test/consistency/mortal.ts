import { freePort } from '../../loadtest/target/redis-server.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';

/** A replica that is killed and started again on the same port. */
export class Mortal {
  readonly port: number;
  readonly #env: Readonly<Record<string, string>>;
  #service: Service;

  private constructor(service: Service, env: Readonly<Record<string, string>>) {
    this.port = service.port;
    this.#service = service;
    this.#env = env;
  }

  static async start(env: Readonly<Record<string, string>>): Promise<Mortal> {
    const own = { ...env, PORT: String(await freePort()) };
    const service = await startService({ env: own });
    await reachesRedis(service);
    return new Mortal(service, own);
  }

  get pid(): number {
    return this.#service.pid;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#service = await startService({ env: this.#env });
    await reachesRedis(this.#service);
  }

  stop(): Promise<unknown> {
    return this.#service.stop('SIGKILL');
  }
}
