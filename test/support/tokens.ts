import { decodeProtectedHeader } from "jose";
import { ALICE, SECRET } from "./fleet.js";
import { basic, type Form, type Reply } from "./instance.js";
import type { Requests } from "./requests.js";

/** What most tests do with tokens, on an instance of this process or on a server with a process of its own. */

type FormTaker = Pick<Requests, "post">;

/** Asks for tokens by the password grant: Alice's for the mobile app, unless the form says otherwise. */
export function logIn(server: FormTaker, form: Form = {}, headers: Record<string, string> = {}): Promise<Reply> {
  return server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE, ...form }, headers);
}

/** An access token for the client "backend" itself. */
export async function tokenOfBackend(server: FormTaker): Promise<string> {
  const form = { grant_type: "client_credentials" };
  return (await server.post("/oauth2/token", form, basic("backend", SECRET))).json.access_token as string;
}

/** The id of the key that signed a token. */
export function kidOf(token: string): string | undefined {
  return decodeProtectedHeader(token).kid;
}

/** Redeems a refresh token: as the mobile app, unless the form says otherwise. */
export function refresh(
  server: FormTaker,
  refresh_token: string,
  form: Form = {},
  headers: Record<string, string> = {},
): Promise<Reply> {
  return server.post(
    "/oauth2/token",
    { grant_type: "refresh_token", client_id: "mobile", refresh_token, ...form },
    headers,
  );
}

/** Introspects a token as a client that may look at every token. */
export function introspect(server: FormTaker, token: string, client_id = "gateway"): Promise<Reply> {
  return server.post("/oauth2/introspect", { token }, basic(client_id, SECRET));
}

/** Whether introspection calls a token active. */
export async function isActive(server: FormTaker, token: string): Promise<boolean> {
  return (await introspect(server, token)).json.active as boolean;
}
