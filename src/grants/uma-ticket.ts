import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { isConfidential } from "../clients/methods.js";
import { Refusal } from "../errors/refusal.js";
import { optional, required } from "../http/parameters.js";
import { lookAtToken } from "../store/access-tokens.js";
import { recordDecision } from "../store/uma-decisions.js";
import { readFacts, type StoredFacts } from "../store/uma-facts.js";
import { useTicket, type NewTicket, type TicketTerms } from "../store/uma-tickets.js";
import { statusQuestion } from "../tokens/access-token.js";
import { readClaimToken } from "../tokens/id-token.js";
import { readPersistedClaims, writePersistedClaims } from "../tokens/persisted-claims.js";
import { readTicket, writeTicket } from "../tokens/permission-ticket.js";
import { CLAIM_TOKEN_FORMATS, hintsFor } from "../uma/claims-gathering.js";
import type { Decision } from "../uma/decide.js";
import type { AskedPermission } from "../uma/facts.js";
import { fit, folded } from "../uma/permissions.js";
import { weigh } from "../uma/weigh.js";
import type { Entitlement, GrantContext } from "./grant.js";
import { namedScopes } from "./scope.js";

/**
 * A requesting party token for a permission ticket (UMA 2.0 Grant section 3.3). The first try uses the ticket up, whatever
 * comes of it; who is to come back is given a new one.
 */
const parameters = z
  .object({
    ticket: required("ticket_missing"),
    claim_token: optional,
    claim_token_format: optional,
    pct: optional,
    rpt: optional,
    scope: optional,
  })
  .refine(({ claim_token, claim_token_format }) => claim_token === undefined || claim_token_format !== undefined, {
    error: "claim_token_format_missing",
  });

type Parameters = z.infer<typeof parameters>;

export const umaTicketGrant: FastifyPluginAsync = async (app) => {
  app.grants.add({
    types: ["urn:ietf:params:oauth:grant-type:uma-ticket", "uma_ticket"],
    schema: parameters,
    responseTypes: [],
    async decide(typed, context) {
      const { core, client, facts } = context;
      const ticket = await redeem(typed.ticket, context); // ticket_unknown, ticket_expired
      const party = await whoAsks(typed, ticket, context);
      const held = await heldBefore(typed.rpt, ticket, party, context);
      const wanted = folded([...ticket.permissions, ...held]);
      const upgraded = held.length > 0 && fit(wanted);
      const permissions = upgraded ? wanted : ticket.permissions;
      const found = await readFacts(
        core.db,
        {
          ...party,
          resource_ids: permissions.map(({ resource_id }) => resource_id),
          resource_server: ticket.resource_server,
          client_id: client.client_id,
        },
        core.clock.statement(),
      );
      if (found.person !== null) facts.sub = found.person.sub;
      const asked = withScope(permissions, typed.scope, found, context); // scope_unavailable
      const decision = weigh(found, { issuer: core.issuer, client_id: client.client_id, asked });
      const next = await record(decision, ticket, found, context);
      refuse(decision, next, context); // need_info, request_submitted, request_denied
      return entitle(decision, { ticket, found, party, upgraded }, context);
    },
  });
};

async function redeem(text: string, { core, client }: GrantContext): Promise<TicketTerms> {
  // The name without the MAC: nobody can use what an error message quotes.
  const unknown = (reason: string) => new Refusal("ticket_unknown", { ticket: text.split(".", 1)[0]! }, { reason });
  const id = readTicket(core.master, text);
  if (id === undefined) throw unknown("not written by this server");
  const used = await useTicket(core.db, id, client.client_id, core.clock.statement());
  if (used === "unknown") throw unknown("used before, or another client's");
  if (used === "expired") throw new Refusal("ticket_expired");
  return used;
}

/** Who the requesting party is; `user_epoch` says since when that was known, where it was not shown just now. */
interface Party {
  readonly sub?: string;
  readonly user_epoch?: number;
  /** Whether it was proved now or in a step of this request, and not just remembered. */
  readonly proved: boolean;
}

/** What is pushed comes first, then what was found out on the way here, then what the client remembers. */
async function whoAsks(
  { claim_token, claim_token_format, pct }: Parameters,
  { sub, user_epoch }: TicketTerms,
  { core, client: { client_id } }: GrantContext,
): Promise<Party> {
  const known = CLAIM_TOKEN_FORMATS.some((one) => one === claim_token_format);
  const pushed = claim_token !== undefined && known ? await readClaimToken(core, claim_token, client_id) : undefined;
  if (pushed !== undefined) return { ...pushed, proved: true };
  if (sub !== null && user_epoch !== null) return { sub, user_epoch, proved: true };
  const remembered = pct === undefined ? undefined : readPersistedClaims(core, pct, client_id);
  return { ...remembered, proved: false };
}

/**
 * What an earlier token gives that is to be upgraded: one in force, of the same client, party and resource server. Any
 * other is as if it had not been sent (UMA 2.0 Grant section 3.3.1).
 */
async function heldBefore(
  rpt: string | undefined,
  { resource_server }: TicketTerms,
  { sub }: Party,
  { core, client }: GrantContext,
): Promise<readonly AskedPermission[]> {
  const read = rpt === undefined ? undefined : await core.accessTokens.read(rpt);
  if (read === undefined || read.expired) return [];
  const { claims } = read;
  const own = claims.client_id === client.client_id && claims.sub === (sub ?? client.client_id);
  if (!own || claims.permissions === undefined || claims.aud !== resource_server) return [];
  const inForce = await lookAtToken(core.db, statusQuestion(claims));
  return inForce === undefined ? [] : claims.permissions;
}

/**
 * Adds what the client asks for itself: scopes it is registered for, on every resource that has them (UMA 2.0 Grant section
 * 3.3.4).
 */
function withScope(
  permissions: readonly AskedPermission[],
  scope: string | undefined,
  { resources }: StoredFacts,
  context: GrantContext,
): readonly AskedPermission[] {
  const requested = namedScopes(scope, context) ?? [];
  const available = new Map(resources.map(({ resource_id, scopes }) => [resource_id, scopes]));
  const excess = requested.filter((name) => ![...available.values()].some((scopes) => scopes.includes(name)));
  if (excess.length > 0) throw new Refusal("scope_unavailable", { scopes: excess.join(",") });
  const registered = requested.filter((name) => context.client.scope.includes(name));
  const added = permissions.map(({ resource_id }) => ({
    resource_id,
    resource_scopes: registered.filter((name) => available.get(resource_id)?.includes(name)),
  }));
  return folded([...permissions, ...added]);
}

/** Puts the decision on record, and the ticket to come back with; the text of that ticket where there is one. */
async function record(
  { outcome, resources }: Decision,
  { resource_server, permissions }: TicketTerms,
  { person }: StoredFacts,
  { core, client: { client_id }, decision_id }: GrantContext,
): Promise<string | undefined> {
  const comesBack = outcome === "need_info" || outcome === "request_submitted";
  const ticket: NewTicket | null = comesBack
    ? {
        id: core.random(16).toString("base64url"),
        resource_server,
        client_id,
        permissions,
        sub: person?.sub ?? null,
        user_epoch: person?.token_epoch ?? null,
      }
    : null;
  // Owners are asked about what could be decided now, not about somebody who is yet to be known.
  const asks = outcome === "need_info" ? [] : resources.filter(({ owner }) => owner !== null);
  await recordDecision(
    core.db,
    {
      id: decision_id,
      outcome,
      client_id,
      sub: person?.sub ?? null,
      party: person?.sub ?? client_id,
      resources,
      asks: asks.flatMap(({ resource_id, owner, asks }) =>
        asks.map((scope) => ({ resource_id, scope, owner: owner! })),
      ),
      ticket,
    },
    core.clock.statement(),
  );
  return ticket === null ? undefined : writeTicket(core.master, ticket.id);
}

/** Seconds after which it makes sense to ask whether the owner has answered. */
const POLLING_INTERVAL = 5;

function refuse({ outcome, claims }: Decision, ticket: string | undefined, { core, client }: GrantContext): void {
  if (outcome === "need_info") {
    throw new Refusal("need_info", {}, { more: { ticket, ...hintsFor(client, claims, core.issuer) } });
  }
  if (outcome === "request_submitted") {
    throw new Refusal("request_submitted", {}, { more: { ticket, interval: POLLING_INTERVAL } });
  }
  if (outcome === "request_denied") throw new Refusal("request_denied");
}

/** Seconds a requesting party token lives at most: whoever reads one by itself learns of a change no later. */
const RPT_LIFETIME = 300;

/** A token without scopes of its own: what a resource calls its scopes means nothing outside of it. */
function entitle(
  { permissions }: Decision,
  about: {
    readonly ticket: TicketTerms;
    readonly found: StoredFacts;
    readonly party: Party;
    readonly upgraded: boolean;
  },
  { core, client }: GrantContext,
): Entitlement {
  const { person } = about.found;
  const remembered =
    person !== null && about.party.proved && isConfidential(client)
      ? {
          pct: writePersistedClaims(core, {
            sub: person.sub,
            user_epoch: person.token_epoch,
            client_id: client.client_id,
          }),
        }
      : {};
  return {
    scope: [],
    ...(person === null ? {} : { user: person }),
    rpt: {
      permissions,
      audience: about.ticket.resource_server,
      lifetime: RPT_LIFETIME,
      upgraded: about.upgraded,
      ...remembered,
    },
  };
}
