import type { Client } from "../clients/registry.js";
import { applicableScope, grantedScope, readScope, refuseBeyond, type ScopeContext } from "../grants/scope.js";
import { scopeOfGrant } from "../grants/entitle.js";
import { DEVICE_CODE_GRANT } from "../grants/device-code.js";
import { scopeOfAssertion } from "../grants/jwt-bearer.js";
import { scopeFor } from "../grants/targets.js";
import { scopeOfExchange } from "../grants/token-exchange.js";
import type { Again } from "./again.js";

/** The scopes of a request that is decided again, by the functions of its grant or operation. */

type Known = Again & { readonly client: Client };

/** A name that no scope can have, in the place of one that is not kept. */
const UNKNOWN = '"unknown"';

/** The names that the request has in it; undefined if it names none. */
function namesIn({ recalled: { facts, again } }: Known): readonly string[] | undefined {
  const { scope_beyond = [], scope_unknown = 0 } = again;
  const names = [
    ...(again.scope_named ?? facts.scope_requested ?? []),
    ...scope_beyond,
    ...(scope_unknown > 0 ? [UNKNOWN] : []),
  ];
  const namesNone = facts.operation === "token" ? names.length === 0 : again.names_scope !== true;
  return namesNone ? undefined : names;
}

/** What the functions of the grants read of a request. Repetitions are not kept, so none is refused. */
function contextOf({ client, targets }: Known): ScopeContext {
  const spelling = {
    name: "",
    required: {},
    repeatedScope: "folded",
    tokens: { idTokenCarriesClaims: false },
  } as const;
  return { client, targets, facts: {}, spelling };
}

type ScopeRule = (one: Known) => Promise<readonly string[] | undefined> | readonly string[] | undefined;

const asked: ScopeRule = (one) => grantedScope(namesIn(one)?.join(" "), contextOf(one));

/** The scopes of a stored grant: those of the row, or what was granted then if the row is gone. */
const stored: ScopeRule = async (one) => {
  const { recalled, configuration, client } = one;
  const { grant_id, scope_granted } = recalled.facts;
  const granted = (grant_id === undefined ? undefined : await configuration.grant(grant_id))?.scope ?? scope_granted;
  if (granted === undefined) return undefined;
  const names = namesIn(one);
  refuseBeyond(
    names ?? [],
    granted.filter((name) => client.scope.includes(name)),
  );
  return scopeOfGrant(one, granted, names);
};

const OF_GRANT: Readonly<Record<string, ScopeRule>> = {
  client_credentials: asked,
  password: asked,
  refresh_token: stored,
  authorization_code: stored,
  [DEVICE_CODE_GRANT]: stored,
  "urn:ietf:params:oauth:grant-type:jwt-bearer": async (one) => {
    const { assertion_issuer } = one.recalled.facts;
    const issuer = assertion_issuer === undefined ? undefined : await one.configuration.trustedIssuer(assertion_issuer);
    return issuer && scopeOfAssertion(namesIn(one)?.join(" "), issuer, contextOf(one));
  },
  "urn:ietf:params:oauth:grant-type:token-exchange": (one) => {
    const { exchange, audience_named: audience } = one.recalled.again;
    const { scopes: declared, issuer } = one.configuration;
    return (
      exchange &&
      scopeOfExchange({ scope: namesIn(one)?.join(" "), audience }, exchange, { ...contextOf(one), declared, issuer })
    );
  },
};

const authorization: ScopeRule = (one) =>
  scopeFor(one.targets, applicableScope(readScope(namesIn(one)?.join(" ")), one.client));

const OF_OPERATION: Readonly<Record<string, ScopeRule>> = {
  authorize: authorization,
  pushAuthorization: authorization,
  deviceAuthorization: asked,
};

/** @returns undefined if the scopes do not follow from the configuration @throws Refusal */
export function scopeOf(one: Known): Promise<readonly string[] | undefined> | readonly string[] | undefined {
  const { operation = "", grant_type = "" } = one.recalled.facts;
  const rule = operation === "token" || operation === "appToken" ? OF_GRANT[grant_type] : OF_OPERATION[operation];
  return rule?.(one);
}
