import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Test } from "tap";

/** What a browser brought to a web app. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  /** Of the query, or of the form that was posted. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The web app of a test: a server of its own that people's browsers are sent back to. It decides nothing. */
export interface WebApp {
  readonly origin: string;
  readonly callback: string;
  /** Where people come after logging out. */
  readonly goodbye: string;
  /** A callback that answers nothing, so that the browser stays at the page it was sent from. */
  readonly silent: string;
  /** A page of the app with a form that leads elsewhere; its button is `#send`. */
  formTo(address: string, fields: Readonly<Record<string, string>>): string;
  /** Everybody who came so far, but not to the form. */
  readonly arrivals: readonly Arrival[];
  /** Does something that sends a browser here, and returns what it brought. */
  after(deed: () => Promise<unknown>): Promise<Arrival>;
}

export async function startWebApp(t: Test): Promise<WebApp> {
  const arrivals: Arrival[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, "http://app");
    if (pathname === "/form") return void response.setHeader("Content-Type", "text/html").end(formOf(searchParams));
    if (pathname === "/favicon.ico") return void response.writeHead(204).end();
    const parameters = request.method === "POST" ? new URLSearchParams(await text(request)) : searchParams;
    arrivals.push({ method: request.method!, path: pathname, parameters: Object.fromEntries(parameters) });
    server.emit("arrival");
    if (pathname === "/silent") return void response.writeHead(204).end();
    response.setHeader("Content-Type", "text/html").end(page("<p id=here>Here you are.</p>"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    callback: `${origin}/cb`,
    goodbye: `${origin}/bye`,
    silent: `${origin}/silent`,
    formTo: (address, fields) => `${origin}/form?${new URLSearchParams({ ...fields, " to": address })}`,
    arrivals,
    async after(deed) {
      const before = arrivals.length;
      const arrival = once(server, "arrival", { signal: AbortSignal.timeout(15_000) });
      // The deed may fail first; then no code waits for the promise.
      arrival.catch(() => {});
      await deed();
      if (arrivals.length === before) await arrival;
      return arrivals[before]!;
    },
  };
}

function formOf(parameters: URLSearchParams): string {
  const inputs = [...parameters]
    .filter(([name]) => name !== " to")
    .map(([name, value]) => `<input name="${name}" value="${value}">`);
  return page(
    `<form method="post" action="${parameters.get(" to")}">${inputs.join("")}<button id="send">Send</button></form>`,
  );
}

function page(body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title>${body}</html>`;
}
