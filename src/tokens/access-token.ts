import { hash } from "node:crypto";
import { z } from "zod";
import type { Confirmation } from "../clients/confirmation.js";
import type { Client, ClientRegistry } from "../clients/registry.js";
import { epochSeconds, newId, type Clock, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { RememberedLatest } from "../keys/remembered-latest.js";
import type { KeyRing } from "../keys/ring.js";
import { ACCESS_TOKEN_TYPES } from "../keys/signing-key.js";
import type { TokenSubject } from "../store/access-tokens.js";
import type { Person } from "../store/users.js";
import { formOf } from "./access-token-form.js";
import { audienceOf } from "./audience.js";
import { actorSchema, earlierTokenSchema, type ExchangedTerms } from "./exchanged.js";
import type { TokenSpelling } from "./spelling.js";

/** How an opaque access token begins; a scanner can find a leaked one, and no other kind of token can be taken for it. */
const PREFIX = "jat_";

/** Longest text looked at as a token, in characters: one with hundreds of scopes fits, an attack does not. */
const MAX_TOKEN = 16_384;

/** Opaque tokens whose content is remembered, at most. Each takes about 1 KB. */
const MAX_REMEMBERED = 5_000;

const permission = z.object({
  resource_id: z.string(),
  resource_scopes: z.array(z.string()),
  /** Its own end, if it ends before the token. */
  exp: z.number().optional(),
});

/** One permission of a requesting party token (Federated Authorization for UMA 2.0 section 5.1.1). */
export type Permission = z.infer<typeof permission>;

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  client_id: z.string(),
  scope: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
  /** The grant it belongs to: ends with it (Grant Management for OAuth 2.0 calls it so). */
  grant_id: z.string().optional(),
  /** The refresh token it was issued beside, where the next refresh ends it (docs/decisions/0009). */
  grant_generation: z.int().optional(),
  /** The epochs of its client and of its user, if it has one, at the time of issue (docs/decisions/0003). */
  client_epoch: z.int(),
  user_epoch: z.int().optional(),
  auth_time: z.number().optional(),
  /** Of a device: how many renewals in a row led to it. */
  renewals: z.int().optional(),
  /** The real audience, if `aud` has another value (tokens/spelling.ts). */
  resource: z.union([z.string(), z.array(z.string())]).optional(),
  /** The keys that it is bound to (RFC 8705 section 3.1, RFC 9449 section 6.1). */
  cnf: z.object({ "x5t#S256": z.string().optional(), jkt: z.string().optional() }).optional(),
  /** The party that acts for the subject (RFC 8693 section 4.1). */
  act: actorSchema.optional(),
  /** The tokens that it was exchanged from. It ends with the first of them. */
  exchanged_from: z.array(earlierTokenSchema).optional(),
  /** What makes an access token a requesting party token. */
  permissions: z.array(permission).optional(),
});

type StoredClaims = z.infer<typeof claimsSchema>;

/** What an access token says, however it is represented (RFC 9068 section 2.2). */
export type AccessTokenClaims = Omit<StoredClaims, "resource">;

/** The values that the store needs to decide whether a token is in force. */
export function statusQuestion({ sub, user_epoch, ...claims }: AccessTokenClaims): TokenSubject {
  const { jti, exp, client_id, client_epoch, grant_id, grant_generation, exchanged_from } = claims;
  return {
    jti,
    exp,
    client_id,
    client_epoch,
    grant_id,
    grant_generation,
    user_epoch,
    sub: user_epoch === undefined ? undefined : sub,
    exchanged_from,
  };
}

interface AccessTokenInput {
  readonly client: Client;
  readonly scope: readonly string[];
  readonly spelling: TokenSpelling;
  /** The person it speaks for; a client's own token has none. */
  readonly user?: (Pick<Person, "sub" | "token_epoch"> & Partial<Pick<Person, "claims">>) | undefined;
  readonly grant_id?: string | undefined;
  readonly grant_generation?: number | undefined;
  /** Seconds it lives, in place of the client's setting. */
  readonly lifetime?: number | undefined;
  /** Its latest expiry, in seconds since the epoch. */
  readonly latest_exp?: number | undefined;
  /** Seconds since the epoch at which the person logged in. */
  readonly auth_time?: number | undefined;
  readonly cnf?: Confirmation | undefined;
  /** How many renewals in a row lead to it. */
  readonly renewals?: number | undefined;
  /** The terms of a requesting party token; absent for other tokens. */
  readonly rpt?: RequestingPartyTerms | undefined;
  /** The terms of an exchanged token; absent for other tokens. */
  readonly exchanged?: ExchangedTerms | undefined;
}

/** The terms of a requesting party token (UMA 2.0 Grant section 3.3.5). */
export interface RequestingPartyTerms {
  readonly permissions: readonly Permission[];
  /** The resource server it is for. */
  readonly audience: string;
  /** Seconds it lives at most. */
  readonly lifetime: number;
}

interface IssuedAccessToken {
  readonly text: string;
  /** The key that signed it; none for an opaque one. */
  readonly kid?: string;
  readonly claims: AccessTokenClaims;
  /** Seconds it lives. */
  readonly expires_in: number;
}

interface AccessTokenDeps {
  readonly issuer: string;
  readonly previousIssuers: readonly string[];
  readonly ring: KeyRing;
  readonly master: MasterKey;
  readonly registry: ClientRegistry;
  readonly clock: Clock;
  readonly random: Random;
}

/** Issues and reads access tokens, without the store: a token carries all its data. */
export class AccessTokens {
  readonly #deps: AccessTokenDeps;
  readonly #opened = new RememberedLatest<StoredClaims>(MAX_REMEMBERED);

  constructor(deps: AccessTokenDeps) {
    this.#deps = deps;
  }

  /** Issues a token in the format the client is registered for, unless the dialect has one of its own. */
  async issue(order: AccessTokenInput): Promise<IssuedAccessToken> {
    const { client, scope, spelling, user, grant_id, grant_generation, auth_time, cnf, rpt, renewals, exchanged } =
      order;
    const { issuer, ring, registry, clock, random } = this.#deps;
    const iat = epochSeconds(clock);
    const expires_in = Math.min(
      order.lifetime ?? client.access_token_lifetime,
      rpt?.lifetime ?? Number.POSITIVE_INFINITY,
      (order.latest_exp ?? Number.POSITIVE_INFINITY) - iat,
    );
    const claims: AccessTokenClaims = {
      iss: issuer,
      sub: exchanged?.sub ?? user?.sub ?? client.client_id,
      aud: rpt?.audience ?? audienceOf(scope, await registry.scopes(), issuer),
      client_id: client.client_id,
      scope: scope.join(" "),
      iat,
      exp: iat + expires_in,
      jti: newId(random),
      client_epoch: client.token_epoch,
      user_epoch: exchanged === undefined ? user?.token_epoch : exchanged.user_epoch,
      grant_id,
      grant_generation,
      auth_time: exchanged?.auth_time ?? auth_time,
      cnf,
      act: exchanged?.act,
      exchanged_from: exchanged && [...exchanged.exchanged_from],
      permissions: rpt && [...rpt.permissions],
      renewals,
    };
    // A resource server reads a requesting party token, so its format does not depend on the client.
    const isJwt = rpt !== undefined || exchanged?.is_jwt === true;
    const format = isJwt ? "jwt" : (spelling.format ?? client.access_token_format);
    const added = spelling.accessTokenClaims?.(claims, user?.claims ?? {});
    const all = added === undefined ? claims : { ...added, ...claims };
    const content = spelling.audience === "client" ? { ...all, aud: client.client_id, resource: claims.aud } : all;
    if (format !== "jwt") return { text: this.#seal(content), claims, expires_in };
    const { alg, typ } = formOf(claims.aud, client, await registry.audiences());
    const { text, kid } = await ring.sign(alg, typ, content);
    return { text, kid, claims, expires_in };
  }

  /**
   * The claims of a token that this server issued under its present name or an earlier one; undefined for any other
   * text. The store decides whether the token is in force. `expired` is by this instance's clock: it may choose a
   * message, never a decision.
   * @param anyIssuer accepts any issuer if our keys signed the token, to revoke it
   */
  async read(
    text: string,
    anyIssuer = false,
  ): Promise<{ readonly claims: Readonly<AccessTokenClaims>; readonly expired: boolean } | undefined> {
    if (text.length > MAX_TOKEN) return undefined;
    const read = text.startsWith(PREFIX)
      ? this.#open(text)
      : readClaims((await this.#deps.ring.verify(text, ...ACCESS_TOKEN_TYPES))?.claims);
    if (read === undefined || (!this.#isOwnName(read.iss) && !anyIssuer)) return undefined;
    const { resource } = read;
    const claims = resource === undefined ? read : { ...read, aud: resource, resource: undefined };
    return { claims, expired: claims.exp <= epochSeconds(this.#deps.clock) };
  }

  #isOwnName(iss: string): boolean {
    const { issuer, previousIssuers } = this.#deps;
    return iss === issuer || previousIssuers.includes(iss);
  }

  #seal(claims: object): string {
    const sealed = this.#deps.master.seal("access-token", Buffer.from(JSON.stringify(claims), "utf8"));
    return PREFIX + sealed.toString("base64url");
  }

  /** A seal never opens to anything else. So its content is remembered, under its hash, which is no token. */
  #open(text: string): StoredClaims | undefined {
    const digest = hash("sha256", text, "base64");
    const known = this.#opened.get(digest);
    if (known !== undefined) return known;
    const plain = this.#deps.master.openText("access-token", text.slice(PREFIX.length));
    const claims = plain && readClaims(JSON.parse(plain.toString("utf8")));
    if (claims !== undefined) this.#opened.set(digest, claims);
    return claims;
  }
}

/** The claims of an access token; undefined for those of any other token. */
export function readClaims(payload: unknown): StoredClaims | undefined {
  return claimsSchema.safeParse(payload).data;
}
