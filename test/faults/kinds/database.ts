import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "../fault.js";

/** What happens to PostgreSQL. */

const nothing = async (): Promise<void> => {};

const TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'jeton%'";
const READ_ONLY = ["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"];
const WRITABLE = ["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"];

export const DATABASE_FAULTS: readonly Fault[] = [
  {
    name: "database-killed",
    lasts: 0.1,
    async begin({ database }) {
      await database.end("SIGKILL");
      return { what: "PostgreSQL, kill -9", end: () => database.start() };
    },
  },
  {
    name: "database-away",
    lasts: "outage",
    async begin({ database }, random) {
      const signal = random.pick(["SIGKILL", "SIGINT"] as const);
      await database.end(signal);
      return { what: `PostgreSQL, ${signal}`, end: () => database.start() };
    },
  },
  {
    name: "backend-killed",
    lasts: 0.1,
    async begin({ database }) {
      const [found] = await database.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'jeton' LIMIT 1");
      if (found !== undefined) process.kill(Number(found.pid), "SIGKILL");
      return { what: `backend ${String(found?.pid)}, kill -9`, end: nothing };
    },
  },
  {
    name: "database-frozen",
    async begin({ database }) {
      const goOn = await database.freeze();
      return { what: "PostgreSQL, SIGSTOP", end: async () => goOn() };
    },
  },
  {
    name: "connections-terminated",
    async begin({ database }, random) {
      const times = 1 + random.below(4);
      for (let time = 0; time < times; time += 1) {
        await database.sql(TERMINATE);
        await pause(random.between(0, 600));
      }
      return { what: `all, ${times} times`, end: nothing };
    },
  },
  {
    name: "some-connections-terminated",
    async begin({ database }, random) {
      const share = random.between(0.1, 0.7);
      for (let time = 0; time < 10; time += 1) {
        await database.sql(`${TERMINATE} AND random() < $1`, [share]);
        await pause(random.between(0, 200));
      }
      return { what: `${Math.round(share * 100)} %, 10 times`, end: nothing };
    },
  },
  {
    name: "read-only",
    async begin({ database }) {
      for (const text of READ_ONLY) await database.sql(text);
      const end = async () => {
        for (const text of WRITABLE) await database.sql(text);
      };
      return { what: "default_transaction_read_only", end };
    },
  },
  {
    name: "connections-exhausted",
    async begin({ database }) {
      const giveBack = await database.exhaust(TERMINATE);
      return { what: "max_connections", end: giveBack };
    },
  },
  {
    name: "table-locked",
    async begin({ database }, random) {
      const table = random.pick(["grants", "revoked_tokens", "clients"]);
      const release = await database.lock(table);
      return { what: table, end: release };
    },
  },
  {
    name: "disk-full",
    without: ({ database }) => database.noSmallDisk,
    async begin({ database }) {
      const empty = await database.fill();
      const end = async () => {
        await empty();
        if (!(await database.isRunning())) await database.start();
      };
      return { what: "the file system of PostgreSQL", end };
    },
  },
];
