import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { MASTER_KEY } from "../support/run.js";
import { ROOT } from "../support/root.js";
import { jeton, type Said } from "../support/process.js";
import { Database } from "./database.js";
import { Instance } from "./instance.js";
import { fillDatabase, ISSUER } from "./provision.js";
import { Proxy } from "./proxy.js";
import type { Random } from "./random.js";

const NAMES = ["A", "B", "C"];

/** Three instances on one PostgreSQL, and the operator's command line. */
export class Fleet {
  private constructor(
    readonly database: Database,
    readonly instances: readonly Instance[],
    readonly folder: string,
  ) {}

  /** @param now milliseconds since the run began */
  static async start(folder: string, now: () => number): Promise<Fleet> {
    await lendMigrations();
    await mkdir(folder, { recursive: true });
    const database = await Database.make(join(folder, "data"));
    const instances: Instance[] = [];
    const fleet = new Fleet(database, instances, folder);
    try {
      await fillDatabase(database.url);
      for (const name of NAMES) {
        const proxy = await Proxy.open(database.target);
        const own = { DATABASE_URL: proxy.lead(database.url), MASTER_KEY, ISSUER, DATA_DIR: folder };
        const instance = new Instance(
          name,
          proxy,
          { ...own, LOG_LEVEL: "warn", TRUST_PROXY: "127.0.0.1" },
          folder,
          now,
        );
        instances.push(instance);
        await instance.start();
      }
      return fleet;
    } catch (error) {
      await fleet.end();
      throw error;
    }
  }

  /** An instance that is not known to be down, as a balancer would choose. */
  any(random: Random, but?: Instance): Instance {
    const others = this.instances.filter((one) => one !== but);
    const up = others.filter((one) => one.isUp);
    return random.pick(up.length > 0 ? up : others);
  }

  /** Runs one command of the operator, past the proxies. */
  command(args: readonly string[], stdin?: string): Promise<Said> {
    const environment = { DATABASE_URL: this.database.url, MASTER_KEY, ISSUER, DATA_DIR: this.folder };
    return jeton(environment, args, stdin);
  }

  /** Ends everything in order. The exit codes of the instances. */
  async stop(): Promise<readonly (number | null)[]> {
    return Promise.all(this.instances.map((one) => one.stop()));
  }

  /** Removes all that is left. */
  async end(): Promise<void> {
    await Promise.all(this.instances.map((one) => one.kill()));
    for (const { proxy } of this.instances) await proxy.close();
    for (const instance of this.instances) instance.closeLog();
    await this.database.remove();
  }
}

/** What is compiled looks for the migrations beside itself. */
async function lendMigrations(): Promise<void> {
  const place = join(ROOT, "build", "js", "prisma");
  if (!existsSync(place)) await symlink(join(ROOT, "prisma"), place);
}
