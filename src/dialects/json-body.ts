import type { FastifyPluginAsync } from "fastify";

/** A body of `application/json` before anybody has read it: only an endpoint that takes JSON does. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Bodies of `application/json`; http/json.ts reads them, strictly. */
export const jsonBody: FastifyPluginAsync = async (app) => {
  app.addContentTypeParser(
    "application/json",
    { parseAs: "string" },
    async (_request: unknown, text: string | Buffer) => (text.length === 0 ? undefined : new JsonText(text.toString())),
  );
};
