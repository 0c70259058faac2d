import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Test } from "tap";

/** What a resource server has to know: where the authorization server is, and its token for the protection API. */
interface Protection {
  readonly as: string;
  readonly pat: string;
}

/** A resource server that holds photos. A client that may `view` one gets it; another learns where to ask. */
export async function startPhotos(t: Test, { as, pat }: Protection): Promise<{ url: string; add(): Promise<string> }> {
  const read = async (reply: Response): Promise<any> => reply.json();
  const bearer = { Authorization: `Bearer ${pat}` };
  const configuration = await read(await fetch(`${as}/.well-known/uma2-configuration`));
  const at = (name: string) => as + new URL(configuration[`${name}_endpoint`]).pathname;
  const send = async (name: string, body: object) => {
    const headers = { ...bearer, "Content-Type": "application/json" };
    return read(await fetch(at(name), { method: "POST", headers, body: JSON.stringify(body) }));
  };

  const mayView = async (token: string, resource_id: string): Promise<boolean> => {
    const said = await fetch(at("introspection"), {
      method: "POST",
      headers: bearer,
      body: new URLSearchParams({ token }),
    });
    const { active, permissions = [] } = await read(said);
    return (
      active && permissions.some((one: any) => one.resource_id === resource_id && one.resource_scopes.includes("view"))
    );
  };

  const server = createServer(async (request, response) => {
    const resource_id = request.url!.slice(1);
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    if (token !== undefined && (await mayView(token, resource_id))) return void response.end("a photo");
    const { ticket } = await send("permission", { resource_id, resource_scopes: ["view"] });
    const challenge = `UMA realm="photos", as_uri="${configuration.issuer}", ticket="${ticket}"`;
    response.writeHead(401, { "WWW-Authenticate": challenge }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add: async () => (await send("resource_registration", { name: "Holiday", resource_scopes: ["view", "print"] }))._id,
  };
}
