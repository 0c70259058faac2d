import { z } from "zod";
import { audiencesOf } from "../clients/audiences.js";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { listClients, type ClientFilter } from "../store/client-lists.js";
import { allScopes, type DeclaredScope } from "../store/scopes.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import { name } from "./arguments.js";
import { LISTED_CLIENT, listedClient } from "./client-lists.js";
import { command, type AnyCommand, type PagedContext } from "./command.js";
import { PAGING, textsOf } from "./page.js";

/** Scopes, the audiences that they stand for, and the clients that use them. */

const SCOPE = z.object({
  name: z.string(),
  description: z.string().nullable(),
  audience: z.string().nullable(),
  claims: z.array(z.string()).readonly(),
  access_token_signing_alg: z.string().nullable(),
  access_token_typ: z.string().nullable(),
  built_in: z.boolean(),
});

const OF_SCOPE = { scope: name.meta({ description: "scope" }) };
const OF_AUDIENCE = { audience: name.meta({ description: "audience" }) };

/** Every scope that a client may use with a meaning: a declared one replaces a built-in one of the same name. */
async function knownScopes({ db }: Core): Promise<readonly (DeclaredScope & { readonly built_in: boolean })[]> {
  const declared = await allScopes(db);
  const names = new Set(declared.map((one) => one.name));
  const form = { access_token_signing_alg: null, access_token_typ: null };
  const others = BUILT_IN_SCOPES.filter((one) => !names.has(one.name));
  return [
    ...declared.map((one) => ({ ...one, built_in: false })),
    ...others.map((one) => ({ ...one, ...form, built_in: true })),
  ];
}

async function scopesOf(core: Core, audience: string): Promise<readonly string[]> {
  const scopes = (await allScopes(core.db)).filter((one) => one.audience === audience);
  if (scopes.length === 0) throw noAudience(audience);
  return scopes.map((one) => one.name);
}

function noAudience(audience: string): OperatorError {
  return new OperatorError(`no scope has the audience ${audience}`, "not_found");
}

async function clientsWith({ core, after }: PagedContext<unknown>, filter: ClientFilter, limit: number) {
  const [client_id] = textsOf(after, 1);
  const { items, last } = await listClients(core.db, filter, { after: client_id, limit });
  return { items: items.map(listedClient), next: last && [last.client_id] };
}

const SCOPE_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "scope list",
    does: "lists every scope, declared or built in",
    access: "read",
    effect: "reads",
    input: z.strictObject({}),
    output: z.array(SCOPE).readonly(),
    run: async ({ core }) => knownScopes(core),
  }),
  command({
    name: "scope show",
    does: "shows one scope: its description, its audience and the claims that it releases",
    access: "read",
    effect: "reads",
    subject: "scope",
    input: z.strictObject(OF_SCOPE),
    output: SCOPE,
    run: async ({ core, input }) => {
      const found = (await knownScopes(core)).find((one) => one.name === input.scope);
      if (found === undefined) throw new OperatorError(`there is no scope ${input.scope}`, "not_found");
      return found;
    },
  }),
  command({
    name: "scope clients",
    does: "lists the clients that may request a scope",
    access: "read",
    effect: "reads",
    subject: "scope",
    input: z.strictObject({ ...OF_SCOPE, ...PAGING }),
    output: LISTED_CLIENT,
    paged: true,
    run: (context) => clientsWith(context, { scope: context.input.scope }, context.input.limit),
  }),
];

const AUDIENCE = z.object({
  audience: z.string(),
  scopes: z.array(z.string()).readonly(),
  access_token_signing_algs: z.array(z.string()).readonly(),
  access_token_typs: z.array(z.string()).readonly(),
});

/** Every audience with what its scopes say about access tokens. If they say two things, no request for it is answered. */
async function audiences({ db }: Core): Promise<z.output<typeof AUDIENCE>[]> {
  const scopes = await allScopes(db);
  return [...audiencesOf(scopes)].map(([audience, { algorithms, types }]) => ({
    audience,
    scopes: scopes.filter((one) => one.audience === audience).map((one) => one.name),
    access_token_signing_algs: algorithms,
    access_token_typs: types,
  }));
}

const AUDIENCE_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "audience list",
    does: "lists the audiences of scopes, and how each wants its access tokens signed",
    access: "read",
    effect: "reads",
    input: z.strictObject({}),
    output: z.array(AUDIENCE),
    run: async ({ core }) => audiences(core),
  }),
  command({
    name: "audience show",
    does: "shows one audience: its scopes, and how it wants its access tokens signed",
    access: "read",
    effect: "reads",
    subject: "audience",
    input: z.strictObject(OF_AUDIENCE),
    output: AUDIENCE,
    run: async ({ core, input }) => {
      const found = (await audiences(core)).find((one) => one.audience === input.audience);
      if (found === undefined) throw noAudience(input.audience);
      return found;
    },
  }),
  command({
    name: "audience clients",
    does: "lists the clients that may request tokens for an audience; --servers: the resource servers that may introspect them",
    access: "read",
    effect: "reads",
    subject: "audience",
    input: z.strictObject({
      ...OF_AUDIENCE,
      servers: z.boolean().default(false).meta({ description: "the resource servers that may introspect its tokens" }),
      ...PAGING,
    }),
    output: LISTED_CLIENT,
    paged: true,
    run: async (context) => {
      const { audience, servers, limit } = context.input;
      const filter = servers ? { audience } : { scopes: await scopesOf(context.core, audience) };
      return clientsWith(context, filter, limit);
    },
  }),
];

export const AUTHORIZATION_COMMANDS: readonly AnyCommand[] = [...SCOPE_COMMANDS, ...AUDIENCE_COMMANDS];
