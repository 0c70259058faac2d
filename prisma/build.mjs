// Builds dist/: the Prisma client, then the compiler. `npm ci` runs it as `prepare`; an installation without development
// dependencies has neither tool and starts what was built before, so there the step has nothing to do. The test run
// compiles the sources together with the tests and needs the client only (--client), which it makes when its sources changed.
import { spawnSync } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { createRequire } from "node:module";

const { resolve } = createRequire(import.meta.url);
const tools = ["prisma/build/index.js", "typescript/bin/tsc"].map((path) => {
  try {
    return resolve(path);
  } catch {
    return undefined;
  }
});
if (tools.includes(undefined)) {
  if (process.argv.includes("--if-possible")) process.exit(0);
  console.error("building needs the development dependencies: npm ci");
  process.exit(1);
}
const [prisma, tsc] = tools;
const clientOnly = process.argv.includes("--client");
if (!clientOnly || !isClientNew()) run(prisma, "generate", "--config", "prisma/prisma.config.ts");
if (clientOnly) process.exit(0);
run(tsc, "-p", "tsconfig.build.json");
for (const program of ["dist/main.js", "dist/cli.js"]) chmodSync(program, 0o755);

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
}

/** Whether the client is newer than the schema and than the installed packages. */
function isClientNew() {
  const [client, ...sources] = [
    "src/store/generated/client.ts",
    "prisma/schema.prisma",
    "prisma/prisma.config.ts",
    "node_modules/.package-lock.json",
  ].map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs);
  return client !== undefined && sources.every((source) => source !== undefined && source < client);
}
