import type { FastifyPluginAsync } from "fastify";

/** A body of JSON before anybody has read it: only an endpoint that takes JSON does. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Bodies of `application/json`, and of types that are JSON under another name; http/json.ts reads them, strictly. */
export function jsonBodies(...types: readonly string[]): FastifyPluginAsync {
  return async (app) => {
    app.addContentTypeParser(
      ["application/json", ...types],
      { parseAs: "string" },
      async (_request: unknown, text: string | Buffer) =>
        text.length === 0 ? undefined : new JsonText(text.toString()),
    );
  };
}
