import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { shownToken } from "../clients/presented.js";
import { encryptFor } from "../clients/encryption.js";
import type { Client } from "../clients/registry.js";
import { subjectFor } from "../clients/subject.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { optional, readParameters } from "../http/parameters.js";
import { lookAtPerson } from "../store/access-tokens.js";
import { statusQuestion } from "../tokens/access-token.js";
import { claimsAbout } from "../tokens/claims.js";
import type { OperationRequest } from "./operations.js";
import { NOT_IN_FORCE, readShownToken } from "./shown-token.js";

/** Claims about the subject of a token: as JSON, or as a signed JWT if the client is registered for one. */
export type Userinfo = { readonly claims: Readonly<Record<string, unknown>> } | { readonly jwt: string };

declare module "./operations.js" {
  interface Operations {
    userinfo: Userinfo;
  }
}

const parameters = z.object({ access_token: optional });

/** Userinfo (OpenID Connect Core section 5.3), for an access token in the header or in the form body. */
export const userinfoEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("userinfo", {
    guard: null,
    cors: "pages of the client",
    metadata: { member: "userinfo_endpoint", documents: "all" },
    run: userinfo,
  });
};

async function userinfo(request: OperationRequest, core: Core): Promise<Userinfo> {
  const { db, clock, registry, ring, issuer } = core;
  const { facts } = request;
  const { claims: token, client } = await readShownToken(core, takeToken(request), request, "token_not_valid");
  const scope = token.scope.split(" ");
  if (token.user_epoch === undefined || !scope.includes("openid")) throw new Refusal("access_token_not_a_persons");

  const found = await lookAtPerson(db, statusQuestion(token), clock.statement());
  if (found === undefined) throw new Refusal("token_not_valid", { reason: NOT_IN_FORCE });
  facts.sub = token.sub;
  const { person, userinfo_claims, claims_locales } = found;
  const wishes = { scope, names: userinfo_claims, clientScope: client.scope, locales: claims_locales };
  const claims = {
    ...claimsAbout(person, wishes, await registry.scopes()),
    sub: subjectFor(core.master, client, token.sub),
  };
  const { client_id, userinfo_signed_response_alg: alg, userinfo_encrypted_response_alg: encrypts } = client;
  if (alg === null && encrypts === null) return { claims };
  const signed = alg === null ? undefined : await ring.sign(alg, "JWT", { ...claims, iss: issuer, aud: client_id });
  return { jwt: encrypts === null ? signed!.text : await encrypt(core, client, encrypts, signed?.text, claims) };
}

/** Encrypts the signed response, or the claims themselves (OpenID Connect Core section 5.3.2). */
async function encrypt(
  { keySets }: Core,
  client: Client,
  alg: string,
  jwt: string | undefined,
  claims: object,
): Promise<string> {
  const encryption = { alg, enc: client.userinfo_encrypted_response_enc };
  return jwt === undefined
    ? encryptFor(client, keySets, JSON.stringify(claims), encryption)
    : encryptFor(client, keySets, jwt, { ...encryption, cty: "JWT" });
}

/** The access token of the request (RFC 6750 section 2). Two tokens are an error, even if they are equal. */
function takeToken(request: OperationRequest): string {
  const { access_token } = readParameters(parameters, request.parameters);
  const shown = shownToken(request.credentials);
  if (access_token !== undefined && shown !== undefined) throw new Refusal("access_token_repeated");
  const token = shown ?? access_token;
  if (token === undefined) throw new Refusal("access_token_missing");
  return token;
}
