import { z } from "zod";
import { newId } from "../clock.js";
import { isConfidential } from "../clients/methods.js";
import { Refusal } from "../errors/refusal.js";
import { optional, required } from "../http/parameters.js";
import { recordDecision } from "../store/uma-decisions.js";
import { readFacts, type StoredFacts } from "../store/uma-facts.js";
import { useTicket, type NewTicket, type TicketTerms } from "../store/uma-tickets.js";
import type { Permission } from "../tokens/access-token.js";
import { writePersistedClaims } from "../tokens/persisted-claims.js";
import { readTicket, writeTicket } from "../tokens/permission-ticket.js";
import { hintsFor } from "../uma/claims-gathering.js";
import type { Decision } from "../uma/decide.js";
import type { AskedPermission } from "../uma/facts.js";
import { fitsInToken, merged } from "../uma/permissions.js";
import { evaluate } from "../uma/evaluate.js";
import { grantPlugin, type Entitlement, type GrantContext } from "./grant.js";
import { namedScopes } from "./scope.js";
import { identifyRequestingParty, type Party } from "./uma-party.js";
import { earlierToken, upgrade } from "./uma-upgrade.js";

/**
 * Issues a requesting party token for a permission ticket (UMA 2.0 Grant section 3.3). The first attempt uses the ticket up.
 * A client that has to come back gets a new ticket.
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

/** Either name of the grant stands for both in a client's registration. */
export const UMA_TICKET_TYPES = ["urn:ietf:params:oauth:grant-type:uma-ticket", "uma_ticket"] as const;

export const umaTicketGrant = grantPlugin({
  types: UMA_TICKET_TYPES,
  schema: parameters,
  responseTypes: [],
  async decide(typed, context) {
    const { core, client, facts } = context;
    // The ticket says for which resource server the token is.
    if (context.targets !== undefined) throw new Refusal("target_unknown");
    const ticket = await redeem(typed.ticket, context); // ticket_unknown, ticket_expired
    const party = await identifyRequestingParty(typed, ticket, context);
    const earlier = await earlierToken(typed.rpt, ticket, party, context);
    const { client_id } = client;
    const { issuer, previousIssuers } = core;
    const { resource_server } = ticket;
    const resource_ids = [...ticket.permissions, ...(earlier?.permissions ?? [])].map(({ resource_id }) => resource_id);
    const question = { ...party, resource_ids, resource_server, client_id };
    const found = await readFacts(core.db, question, core.clock.statement());
    if (found.person !== null) facts.sub = found.person.sub;
    const asked = withScope(ticket.permissions, typed.scope, found, context); // scope_unavailable, permissions_too_many
    const decision = evaluate(found, { issuer, previousIssuers, client_id, asked });
    const next = await record(decision, ticket, found, context);
    refuse(decision, next, context); // need_info, request_submitted, request_denied
    const upgraded = await upgrade(earlier, asked, found, context);
    const granted = { permissions: upgraded ?? decision.permissions, upgraded: upgraded !== undefined };
    return entitle(granted, { resource_server, found, party }, context);
  },
});

async function redeem(text: string, { core, client }: GrantContext): Promise<TicketTerms> {
  // The message quotes the ticket without its MAC, so that the quoted text is of no use.
  const unknown = (reason: string) =>
    new Refusal("ticket_unknown", { slots: { ticket: text.split(".", 1)[0]! }, reason });
  const id = readTicket(core.master, text);
  if (id === undefined) throw unknown("not written by this server");
  const used = await useTicket(core.db, id, client.client_id, core.clock.statement());
  if (used === "unknown") throw unknown("used before, or another client's");
  if (used === "expired") throw new Refusal("ticket_expired");
  return used;
}

/**
 * Adds the scopes of the request to every resource that has them, if the client is registered for them (UMA 2.0 Grant
 * section 3.3.4).
 */
function withScope(
  permissions: readonly AskedPermission[],
  scope: string | undefined,
  { resources }: StoredFacts,
  context: GrantContext,
): readonly AskedPermission[] {
  const requested = namedScopes(scope, context) ?? [];
  const scopesOf = new Map(resources.map(({ resource_id, scopes }) => [resource_id, scopes]));
  const available = permissions.flatMap(({ resource_id }) => scopesOf.get(resource_id) ?? []);
  const excess = requested.filter((name) => !available.includes(name));
  if (excess.length > 0) throw new Refusal("scope_unavailable", { slots: { scopes: excess.join(",") } });
  const registered = requested.filter((name) => context.client.scope.includes(name));
  const added = permissions.map(({ resource_id }) => ({
    resource_id,
    resource_scopes: registered.filter((name) => scopesOf.get(resource_id)?.includes(name)),
  }));
  const asked = merged([...permissions, ...added]);
  if (!fitsInToken(asked)) throw new Refusal("permissions_too_many");
  return asked;
}

/** Stores the decision and the next ticket. @returns the text of that ticket, if the client has to come back */
async function record(
  { outcome, resources }: Decision,
  { resource_server, permissions }: TicketTerms,
  { person }: StoredFacts,
  { core, client: { client_id }, decision_id }: GrantContext,
): Promise<string | undefined> {
  const comesBack = outcome === "need_info" || outcome === "request_submitted";
  const ticket: NewTicket | null = comesBack
    ? {
        id: newId(core.random),
        resource_server,
        client_id,
        permissions,
        sub: person?.sub ?? null,
        user_epoch: person?.token_epoch ?? null,
      }
    : null;
  // An owner is asked only when the requesting party is known.
  const owned = outcome === "need_info" ? [] : resources.filter(({ owner }) => owner !== null);
  await recordDecision(
    core.db,
    {
      id: decision_id,
      outcome,
      client_id,
      sub: person?.sub ?? null,
      party: person?.sub ?? client_id,
      resources,
      asks: owned.flatMap(({ resource_id, owner, needsApproval }) =>
        needsApproval.map((scope) => ({ resource_id, scope, owner: owner! })),
      ),
      ticket,
    },
    core.clock.statement(),
  );
  return ticket === null ? undefined : writeTicket(core.master, ticket.id);
}

/** Seconds after which the client may ask again whether the owner has answered. */
const POLLING_INTERVAL = 5;

function refuse({ outcome, claims }: Decision, ticket: string | undefined, { core, client }: GrantContext): void {
  if (outcome === "need_info") {
    throw new Refusal("need_info", { more: { ticket, ...hintsFor(client, claims, core.issuer) } });
  }
  if (outcome === "request_submitted") {
    throw new Refusal("request_submitted", { more: { ticket, interval: POLLING_INTERVAL } });
  }
  if (outcome === "request_denied") throw new Refusal("request_denied");
}

/** Maximum lifetime in seconds. A resource server that reads the token itself learns of a change when the token expires. */
const RPT_LIFETIME = 300;

/** The token has no scope of its own, because the scopes of a resource have a meaning only there. */
function entitle(
  granted: { readonly permissions: readonly Permission[]; readonly upgraded: boolean },
  about: { readonly resource_server: string; readonly found: StoredFacts; readonly party: Party },
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
      ...granted,
      audience: about.resource_server,
      lifetime: RPT_LIFETIME,
      ...remembered,
    },
  };
}
