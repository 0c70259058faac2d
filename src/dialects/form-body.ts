import formbody from "@fastify/formbody";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import { parseForm } from "../http/form.js";

const parser = (text: string) => parseForm(text) as unknown as Record<string, unknown>;

/**
 * Bodies of `application/x-www-form-urlencoded`, read strictly. A body without a Content-Type is read as one too:
 * some UMA clients send it so, and RFC 9110 section 8.3 leaves the choice to the recipient.
 */
export const formBody: FastifyPluginAsync = async (app) => {
  await app.register(formbody, { parser });
  app.addContentTypeParser("*", { parseAs: "string" }, async (request: FastifyRequest, text: string | Buffer) => {
    if (request.headers["content-type"] !== undefined) throw new Refusal("media_type_unsupported");
    return parser(text.toString());
  });
};
