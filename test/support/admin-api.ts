import { Ajv2020 } from "ajv/dist/2020.js";
import type { Test } from "tap";
import { SECRET } from "./fleet.js";
import { basic, type Form } from "./instance.js";
import type { Reply, Requests } from "./requests.js";

/** The Admin API as its own description promises it: each answer is checked against the OpenAPI document. */

/** A request to the Admin API. */
export interface AdminRequest {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export type AdminCall = (t: Test, method: string, path: string, request?: AdminRequest) => Promise<Reply>;

type Schema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** Calls of the Admin API below a URL. */
export async function adminCalls({ send }: Requests, prefix = "/admin/v1"): Promise<AdminCall> {
  const document = (await send(`${prefix}/openapi.json`)).json as OpenApi;
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { "date-time": true, uri: true, email: true } });
  return async (t, method, path, { token, body, headers = {} } = {}) => {
    const reply = await send(prefix + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const flaw = flawOf(document, ajv, { method, path }, reply);
    if (flaw !== undefined) t.fail(`${method} ${path}: ${flaw}`, { text: reply.text });
    return reply;
  };
}

/** The difference between an answer and its description; undefined if there is none. */
function flawOf(document: OpenApi, ajv: Ajv2020, asked: { method: string; path: string }, reply: Reply) {
  const operation = operationOf(document, asked);
  const type = reply.headers.get("content-type")?.replace(/;.*/, "") ?? "none";
  const isProblem = type === "application/problem+json";
  if (operation === undefined) return isProblem ? undefined : `no operation, and ${type}`;
  const response = operation.responses[String(reply.status)] ?? operation.responses.default;
  const schema = response?.content[type]?.schema;
  if (schema === undefined) return `${reply.status} as ${type} is not described`;
  const validate = ajv.compile({ ...schema, components: document.components });
  return validate(reply.json) ? undefined : ajv.errorsText(validate.errors);
}

function operationOf({ paths }: OpenApi, { method, path }: { method: string; path: string }): Operation | undefined {
  const plain = path.replace(/\?.*/, "");
  const fits = (template: string) => new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`).test(plain);
  // A path without a parameter comes before one with it, as in the router.
  const template = Object.keys(paths).find((one) => one === plain) ?? Object.keys(paths).find(fits);
  return template === undefined ? undefined : paths[template]![method.toLowerCase()];
}

/** Clients with the scopes of administration, one for each power. */
export const ADMIN_CLIENTS = ["all", "read", "revoke", "clients", "users", "keys"].map((power) => ({
  client_id: `admin-${power}`,
  client_secret: SECRET,
  grant_types: ["client_credentials"],
  scope: `api1 ${power === "all" ? "jeton:admin" : `jeton:admin:${power}`}`,
}));

/** An access token of one of them, for administration alone. */
export async function adminToken(server: Requests, power = "all", form: Form = {}): Promise<string> {
  const scope = power === "all" ? "jeton:admin" : `jeton:admin:${power}`;
  const asked = { grant_type: "client_credentials", scope, ...form };
  return (await server.post("/oauth2/token", asked, basic(`admin-${power}`, SECRET))).json.access_token as string;
}
