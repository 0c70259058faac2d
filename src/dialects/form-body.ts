import formbody from "@fastify/formbody";
import type { FastifyPluginAsync } from "fastify";
import { parseForm } from "../http/form.js";

/** Bodies of `application/x-www-form-urlencoded`, read strictly. */
export const formBody: FastifyPluginAsync = async (app) => {
  await app.register(formbody, { parser: (text) => parseForm(text) as unknown as Record<string, unknown> });
};
