import { actingFor } from "../store/audit-actor.js";
import type { FastifyPluginAsync } from "fastify";
import { toSeconds } from "../clock.js";
import { secretStorage, type RegisteredMethods } from "../clients/methods.js";
import {
  checkSector,
  readRegistration,
  registeredMetadata,
  UNUSED_LIFETIME,
  type ReadRegistration,
} from "../clients/registration.js";
import { newName, newRegistrationToken, readRegistrationToken } from "../clients/registration-token.js";
import { findSecret } from "../clients/secrets.js";
import { storedSecret } from "../clients/stored-secret.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import {
  findRegistration,
  register,
  updateRegistration,
  type FoundRegistration,
} from "../store/client-registrations.js";
import { deleteClient } from "../store/deletion.js";
import { inAnyCase } from "../store/open.js";
import { isUsable } from "../store/registration-tokens.js";
import type { Guard, OperationRequest } from "./operations.js";

/** Clients register themselves (RFC 7591), and read, change and delete their registration (RFC 7592). */

/** The answer about a registration: its metadata, and what only the client may know. */
export interface RegisteredClientAnswer {
  readonly issuer: string;
  readonly client_id: string;
  /** Everything that is registered, by the names of RFC 7591. */
  readonly metadata: object;
  readonly registration_access_token: string;
  /** Present only if this request made the secret. */
  readonly client_secret?: string | undefined;
}

declare module "./operations.js" {
  interface Operations {
    registerClient: RegisteredClientAnswer;
    readRegistration: RegisteredClientAnswer;
    updateRegistration: RegisteredClientAnswer;
    deleteRegistration: "deleted";
  }
}

/** The operations that exist only if clients may register themselves. */
export const REGISTRATION_OPERATIONS: ReadonlySet<string> = new Set([
  "registerClient",
  "readRegistration",
  "updateRegistration",
  "deleteRegistration",
]);

export const registrationEndpoints: FastifyPluginAsync = async (app) => {
  const { operations } = app;
  operations.offer("registerClient", {
    guard: mayRegister,
    cors: "any page",
    metadata: { member: "registration_endpoint", documents: "all" },
    run: registerClient,
  });
  operations.offer("readRegistration", { guard: owner, run: read });
  operations.offer("updateRegistration", { guard: owner, run: update });
  operations.offer("deleteRegistration", { guard: owner, run: remove });
};

/**
 * Admits a client with an initial access token, and without one where registration is open. The limit of a network counts
 * requests, so that their outgoing calls are limited too.
 * @returns the hash of the token; null without one
 */
const mayRegister: Guard<Buffer | null> = async (
  { credentials, network },
  { registration, master, db, clock, rateLimits },
) => {
  const { bearer } = credentials;
  if (bearer !== undefined) {
    const hash = readRegistrationToken(master, bearer, "initial");
    if (hash === undefined || !(await isUsable(db, hash, clock.statement())))
      throw new Refusal("registration_token_invalid");
    return hash;
  }
  if (registration.mode !== "open") throw new Refusal("registration_token_missing");
  await rateLimits.consumeOrThrow({ on: "client registrations of a network", id: network });
  return null;
};

/** The client of a registration access token, and the token. */
interface Owner extends FoundRegistration {
  readonly token: string;
  readonly token_hash: Buffer<ArrayBuffer>;
}

/** Admits the client whose registration access token is sent. An unknown client is refused as a wrong token is. */
const owner: Guard<Owner> = async ({ credentials: { bearer: token }, path, facts }, { master, db }) => {
  if (token === undefined) throw new Refusal("registration_token_missing");
  const token_hash = readRegistrationToken(master, token, "management");
  const found = token_hash && (await findRegistration(db, path.client_id!, token_hash));
  if (token_hash === undefined || found === undefined) throw new Refusal("registration_token_invalid");
  facts.client_id = found.client.client_id;
  return { ...found, token, token_hash };
};

async function registerClient(
  { document, facts, network: ip }: OperationRequest,
  core: Core,
  initialToken: Buffer | null,
): Promise<RegisteredClientAnswer> {
  const { db, master, random, registration, clock } = core;
  const read = readRegistration(document ?? {}, registration.scopes);
  await checkSector(read, core.allowsPrivateFetches);
  const client = { ...read.client, client_id: newName(random) };
  const management = newRegistrationToken(master, random, "management");
  const { text: client_secret, stored } = newSecret(core, client, read);
  const registered_at = await register(
    actingFor(db, { kind: "client", id: client.client_id, ip }),
    {
      client,
      secrets: stored,
      registered_by: initialToken === null ? "open" : "token",
      token_hash: management.hash,
      metadata: read.shown,
      lifetime: initialToken === null ? UNUSED_LIFETIME : null,
    },
    initialToken === null ? { maxClients: registration.maxClients } : { initialToken },
    clock.statement(),
  );
  if (registered_at === undefined) {
    throw new Refusal(initialToken === null ? "registrations_too_many" : "registration_token_invalid");
  }
  facts.client_id = client.client_id;
  return {
    ...answered(core, client, read.shown, registered_at),
    registration_access_token: management.text,
    client_secret,
  };
}

function newSecret(
  { master, random }: Core,
  client: RegisteredMethods & { readonly client_id: string },
  { wantsSecret }: ReadRegistration,
) {
  if (!wantsSecret) return { text: undefined, stored: [] };
  const text = random(32).toString("base64url");
  return { text, stored: [storedSecret(master, client, text)] };
}

function answered(
  { issuer }: Core,
  client: Parameters<typeof registeredMetadata>[0],
  shown: object,
  registered_at: Date,
): Pick<RegisteredClientAnswer, "issuer" | "client_id" | "metadata"> {
  const metadata = registeredMetadata(client, { ...shown, client_id_issued_at: toSeconds(registered_at) });
  return { issuer, client_id: client.client_id, metadata };
}

async function read(_request: OperationRequest, core: Core, found: Owner): Promise<RegisteredClientAnswer> {
  const { client, metadata, registered_at, token } = found;
  return { ...answered(core, client, metadata, registered_at), registration_access_token: token };
}

/** Members that an update must not send (RFC 7592 section 2.2). */
const NOT_UPDATED = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
] as const;

/** Replaces the whole registration. The client gets another registration access token, and a secret if its method needs another. */
async function update(
  { document = {}, network }: OperationRequest,
  core: Core,
  { client: before, registered_at, token_hash }: Owner,
): Promise<RegisteredClientAnswer> {
  const given = document as Readonly<Record<string, unknown>>;
  const forbidden = NOT_UPDATED.find((name) => given[name] !== undefined);
  if (forbidden !== undefined) throw new Refusal("client_metadata_invalid", { slots: { name: forbidden } });
  const { client_id } = before;
  if (given.client_id !== client_id) throw new Refusal("client_metadata_invalid", { slots: { name: "client_id" } });
  checkSentSecret(core, before, given.client_secret);
  const read = readRegistration(document, core.registration.scopes);
  if (read.client.sector_identifier_uri !== null) {
    // Each causes an outgoing call, as a registration may.
    await core.rateLimits.consumeOrThrow({ on: "client registrations of a network", id: network });
    await checkSector(read, core.allowsPrivateFetches);
  }
  const client = { ...read.client, client_id };
  const keepsSecret = secretStorage(before) === secretStorage(client);
  const { text: client_secret, stored } = keepsSecret ? KEPT : newSecret(core, client, read);
  const management = newRegistrationToken(core.master, core.random, "management");
  const { client_id: _id, ...columns } = client;
  const changed = { client: columns, metadata: read.shown, secrets: stored, token_hash: management.hash };
  const db = actingFor(core.db, { kind: "client", id: client_id, ip: network });
  if (!(await updateRegistration(db, client_id, token_hash, changed))) {
    throw new Refusal("registration_token_invalid", { reason: "another request has changed the registration" });
  }
  return {
    ...answered(core, client, read.shown, registered_at),
    registration_access_token: management.text,
    client_secret,
  };
}

const KEPT = { text: undefined, stored: undefined } as const;

/** A secret in an update has to be the present one (RFC 7592 section 2.2). */
function checkSentSecret(core: Core, client: FoundRegistration["client"], sent: unknown): void {
  if (sent === undefined) return;
  const isPresent = typeof sent === "string" && findSecret(core.master, client, sent, core.clock.now()) !== undefined;
  if (!isPresent) throw new Refusal("client_metadata_invalid", { slots: { name: "client_secret" } });
}

async function remove(_request: OperationRequest, core: Core, { client }: Owner): Promise<"deleted"> {
  // Half of a deletion would leave a disabled client, which cannot ask again.
  await deleteClient(inAnyCase(core.db), client.client_id);
  return "deleted";
}
