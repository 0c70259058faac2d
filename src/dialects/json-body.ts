import type { FastifyPluginAsync } from "fastify";

/** A JSON body that has not been parsed. Only an endpoint that takes JSON parses it. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Accepts bodies of `application/json` and of further JSON types; http/json.ts parses them strictly. */
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
