import type { RegisteredClientAnswer } from "../endpoints/registration.js";
import type { Endpoint } from "./dialect.js";

/** Registration of clients by themselves (RFC 7591), and its management (RFC 7592). */

const PATH = "/oauth2/register";

const MANAGEMENT = `${PATH}/:client_id`;

export const REGISTRATION_ENDPOINTS: readonly Endpoint[] = [
  {
    operation: "registerClient",
    path: PATH,
    takes: "json",
    answer: (registered) => ({ status: 201, body: describe(registered) }),
  },
  {
    operation: "readRegistration",
    path: MANAGEMENT,
    methods: ["GET"],
    takes: "query",
    answer: (registered) => ({ status: 200, body: describe(registered) }),
  },
  {
    operation: "updateRegistration",
    path: MANAGEMENT,
    methods: ["PUT"],
    takes: "json",
    answer: (registered) => ({ status: 200, body: describe(registered) }),
  },
  {
    operation: "deleteRegistration",
    path: MANAGEMENT,
    methods: ["DELETE"],
    takes: "query",
    answer: () => ({ status: 204 }),
  },
];

/** RFC 7591 section 3.2.1, RFC 7592 section 3. A secret without an expiry has a zero there. */
function describe({ issuer, client_id, metadata, registration_access_token, client_secret }: RegisteredClientAnswer) {
  return {
    ...metadata,
    ...(client_secret === undefined ? {} : { client_secret, client_secret_expires_at: 0 }),
    registration_access_token,
    registration_client_uri: `${issuer}${PATH}/${client_id}`,
  };
}
