import { defineConfig } from "prisma/config";

// `prisma generate` wants a schema engine it never runs and would download one; any executable that exists
// satisfies it, so a machine that reaches only the npm registry can generate the client.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({
  schema: "schema.prisma",
  migrations: { path: "migrations" },
});
