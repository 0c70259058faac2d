// The floor: the least that an operation can cost with Fastify, pg and node:crypto. It checks what a correct answer depends on,
// and has none of the rest: no log, no limits, no errors that a client could read.
import formbody from "@fastify/formbody";
import argon2 from "argon2";
import fastify from "fastify";
import { randomUUID } from "node:crypto";
import { systemClock } from "../../../src/clock.js";
import { readJwt, writeJwt } from "./signature.js";
import {
  makeCode,
  makeOpaqueToken,
  pool,
  revoke,
  rotate,
  scopeOfGrant,
  scopeOfOpaqueToken,
  useCode,
  type Grant,
} from "./statements.js";

/** Seconds for which an access token is valid. */
const LIFETIME = 3_600;

type Form = Readonly<Record<string, string>>;

const { secret, clients, password, people } = JSON.parse(process.env.BENCH_DEPLOYMENT!) as {
  readonly secret: string;
  readonly clients: Readonly<Record<string, string>>;
  readonly password: string;
  readonly people: readonly string[];
};

/** Clients by the only header that each can send. */
const CLIENTS = new Map(
  Object.values(clients).map((id) => [`Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`, id]),
);
const passwordHash = await argon2.hash(password, {
  type: argon2.argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
});
const hashes = new Map(people.map((name) => [name, passwordHash]));

const GRANT_TYPES: Readonly<Record<string, (form: Form, client: string) => Promise<object | undefined>>> = {
  client_credentials: async ({ scope = "" }, client) => answer({ access_token: accessToken(client, scope), scope }),
  authorization_code: async ({ code = "", code_verifier = "" }, client) =>
    tokensOf(await useCode(code, code_verifier), client),
  refresh_token: async ({ refresh_token = "" }, client) => tokensOf(await rotate(refresh_token), client),
  // Nothing but the hash: its rate is what any server's password grant can come near to.
  password: async ({ username = "", password: given = "" }) =>
    (await argon2.verify(hashes.get(username) ?? passwordHash, given)) ? answer({ access_token: username }) : undefined,
};

async function tokensOf(grant: Grant | undefined, client: string): Promise<object | undefined> {
  if (grant === undefined) return undefined;
  const { scope, refreshToken: refresh_token } = grant;
  if (client === clients.opaque) return answer({ access_token: await makeOpaqueToken(grant), refresh_token, scope });
  const access_token = accessToken(client, scope, grant.id);
  if (!scope.startsWith("openid")) return answer({ access_token, refresh_token, scope });
  return answer({ access_token, refresh_token, scope, id_token: idToken(client) });
}

function answer(members: object): object {
  return { ...members, token_type: "Bearer", expires_in: LIFETIME };
}

function accessToken(client_id: string, scope: string, grant_id = client_id): string {
  const iat = now();
  const jti = `${grant_id}~${randomUUID()}`;
  return writeJwt({
    iss: "http://floor",
    sub: "user",
    aud: "https://api1.example",
    client_id,
    scope,
    jti,
    iat,
    exp: iat + LIFETIME,
  });
}

function idToken(aud: string): string {
  const iat = now();
  return writeJwt({ iss: "http://floor", sub: "user", aud, auth_time: iat, iat, exp: iat + LIFETIME });
}

async function introspect(token: string): Promise<object> {
  if (!token.includes(".")) {
    const scope = await scopeOfOpaqueToken(token);
    return scope === undefined ? { active: false } : { active: true, scope };
  }
  const claims = readJwt(token, now());
  const scope = claims && (await scopeOfGrant(claims.jti.split("~")[0]!));
  return scope === undefined ? { active: false } : { active: true, ...claims };
}

function now(): number {
  return Math.floor(systemClock.now() / 1_000);
}

const app = fastify();
await app.register(formbody);
app.get<{ Querystring: Form }>("/authorize", async ({ query }, reply) => {
  const { redirect_uri = "", code_challenge = "", scope = "" } = query;
  return reply.redirect(`${redirect_uri}?code=${await makeCode(code_challenge, scope)}`);
});
app.post<{ Body: Form }>("/token", async ({ body, headers: { authorization = "" } }, reply) => {
  const client = CLIENTS.get(authorization);
  const granted = client === undefined ? undefined : await GRANT_TYPES[body.grant_type ?? ""]?.(body, client);
  return granted ?? reply.code(400).send({ error: "invalid_request" });
});
app.post<{ Body: Form }>("/introspect", async ({ body: { token = "" }, headers: { authorization = "" } }, reply) =>
  CLIENTS.has(authorization) ? introspect(token) : reply.code(401).send({ error: "invalid_client" }),
);
app.post<{ Body: Form }>("/revoke", async ({ body: { token = "" }, headers: { authorization = "" } }, reply) => {
  if (!CLIENTS.has(authorization)) return reply.code(401).send({ error: "invalid_client" });
  await revoke(token);
  return reply.send("");
});
app.addHook("onClose", () => pool.end());
process.once("SIGTERM", () => void app.close());
console.log(
  JSON.stringify({ msg: `ready on ${await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) })}` }),
);
