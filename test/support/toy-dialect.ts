import { z } from "zod";
import type { Dialect } from "../../src/dialects/dialect.js";
import { formBody } from "../../src/dialects/form-body.js";
import { optional, readParameters } from "../../src/http/parameters.js";

/** A turnstile: it asks for a pass with words of its own, and gets 200 for every result. */
export const toy: Dialect = {
  name: "toy",
  prefixes: ["/toy"],
  bodies: [formBody],
  certificateHeaders: [],
  required: {},
  repeatedScope: "folded",
  tokens: { format: "opaque", idTokenCarriesClaims: false },

  // What stands where, under the standard's names.
  read: ({ parameters }) => {
    const { who, proof, want } = readParameters(asked, parameters);
    return {
      parameters: new Map([["grant_type", "client_credentials"], ...(want ? [["scope", want] as const] : [])]),
      credentials: { basic: { client_id: who ?? "", client_secret: proof ?? "" } },
    };
  },

  // Which operation is asked where, and how its result is said.
  endpoints: [
    {
      operation: "token",
      path: "/toy/pass",
      answer: ({ access_token, expires_in }) => ({ status: 200, body: { pass: access_token, seconds: expires_in } }),
    },
  ],

  // How a refusal is said: each kind has a word and a status, the standard's where nothing else is named.
  refusals: {
    kinds: { bad_credentials: { status: 200 }, not_allowed: { status: 200 }, bad_scope: { status: 200 } },
    codes: {},
    body: ({ error }) => ({ pass: null, why: error }),
  },
};

const asked = z.object({ who: optional, proof: optional, want: optional });
