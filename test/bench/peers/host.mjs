// What the peers have in common: the deployment that the benchmark hands over, a pool of connections, and the ready line.
import formbody from "@fastify/formbody";
import argon2 from "argon2";
import fastify from "fastify";
import { randomBytes } from "node:crypto";
import pg from "pg";

/** @type {{ secret: string, redirect_uri: string, audience: string, password: string, people: string[], clients: object }} */
export const deployment = JSON.parse(process.env.BENCH_DEPLOYMENT);

/** Seconds. */
export const LIFETIMES = { code: 600, access: 3_600, refresh: 14 * 86_400 };

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const names = new Map();

/** Sends a named prepared statement. */
export async function ask(text, values) {
  const { rows } = await pool.query({ name: nameOf(text), text, values });
  return rows;
}

/** The same text always has the same name. */
function nameOf(text) {
  if (!names.has(text)) names.set(text, `statement ${names.size + 1}`);
  return names.get(text);
}

export const makeSecret = () => randomBytes(32).toString("base64url");

/** Makes the table of people, who all have the same password. */
export async function makePeople() {
  await pool.query("CREATE TABLE people (name text PRIMARY KEY, password_hash text NOT NULL)");
  const hash = await argon2.hash(deployment.password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  await pool.query("INSERT INTO people SELECT name, $2 FROM unnest($1::text[]) AS name", [deployment.people, hash]);
}

/** The person with this name, if the password is theirs. */
export async function findPerson(name, password) {
  const [person] = await ask("SELECT name, password_hash FROM people WHERE name = $1", [name]);
  return person && (await argon2.verify(person.password_hash, password)) ? { id: person.name } : undefined;
}

/** A Fastify application that reads forms. */
export async function makeApp() {
  const app = fastify();
  await app.register(formbody);
  return app;
}

/** Says that a server takes requests, and ends it at SIGTERM. */
export function tellReady(port, close) {
  process.once("SIGTERM", async () => {
    await close();
    await pool.end();
  });
  console.log(JSON.stringify({ msg: `ready on http://127.0.0.1:${port}` }));
}

/** Serves a Fastify application. */
export async function serve(app) {
  await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
  tellReady(app.server.address().port, () => app.close());
}
