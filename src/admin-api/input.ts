import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Command } from "../admin/command.js";
import { kindOf, readText } from "../admin/from-text.js";
import { isInPath, type Route } from "../admin/route.js";
import { JsonText } from "../dialects/json-body.js";
import { InputError } from "../errors/operator-error.js";
import { Refusal } from "../errors/refusal.js";
import { readJson } from "../http/json.js";

type Input = Record<string, unknown>;

/**
 * The input of a command as a request gives it: its query or its JSON body, and the subject in the path.
 * @throws InputError, Refusal
 */
export function inputOf(command: Command, route: Route, request: FastifyRequest): Input {
  const { subject = "" } = command;
  const sent = route.input === "query" ? queryOf(command, request) : bodyOf(request);
  if (!isInPath(command, route, subject)) return sent;
  if (Object.hasOwn(sent, subject)) throw new InputError([subject], "is in the path");
  return { ...sent, [subject]: (request.params as Record<string, string>)[subject] };
}

function queryOf({ input }: Command, { url }: FastifyRequest): Input {
  const shape = input.shape as Readonly<Record<string, z.ZodType>>;
  const query = new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?")) : "");
  const names = [...new Set(query.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
      const texts = query.getAll(name);
      if (schema === undefined) throw new InputError([name], "is unknown");
      if (kindOf(schema) === "list") return [name, readText(name, schema, texts)];
      if (texts.length > 1) throw new InputError([name], "is repeated");
      return [name, readText(name, schema, texts[0]!)];
    }),
  );
}

function bodyOf({ body }: FastifyRequest): Input {
  if (body === undefined || body === null) return {};
  if (!(body instanceof JsonText)) throw new Refusal("media_type_unsupported");
  const document = readJson(body.text);
  if (Array.isArray(document)) throw new Refusal("json_malformed", { reason: "an array" });
  return document as Input;
}
