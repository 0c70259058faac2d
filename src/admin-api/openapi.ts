import { z } from "zod";
import type { Command } from "../admin/command.js";
import { scopeOf } from "../admin/powers.js";
import { isInPath, routeOf } from "../admin/route.js";
import { ADMIN_API_PATH, ADMIN_SCOPES, adminAudience } from "../clients/admin-scopes.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import { readVersion } from "../version.js";
import { EARLY_REFUSAL, PROBLEM, PROBLEM_TYPE } from "./problem.js";

/** The OpenAPI document of the Admin API (OpenAPI 3.1), derived from the table of commands. */

type Schema = Readonly<Record<string, unknown>>;

/** @param issuer below which the API and the token endpoint are */
export function openApi(commands: readonly Command[], issuer: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const command of commands) {
    const { method, path } = routeOf(command);
    const place = path.replace(/:(\w+)/g, "{$1}");
    paths[place] = { ...paths[place], [method.toLowerCase()]: operationOf(command) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Jeton Admin API",
      version: readVersion(),
      description: `Needs an access token for the audience ${adminAudience(issuer)}.`,
    },
    servers: [{ url: issuer + ADMIN_API_PATH }],
    security: [{ token: ["jeton:admin"] }],
    tags: [...new Set(commands.map(nounOf))].map((name) => ({ name })),
    paths,
    components: { schemas: { Problem: outputSchema(PROBLEM) }, securitySchemes: securitySchemes(issuer) },
  };
}

function nounOf({ name }: Command): string {
  return name.split(" ")[0]!;
}

function operationOf(command: Command): object {
  const { name, does, access, effect, paged, output } = command;
  const isCreated = effect === "creates";
  const body = bodyOf(command);
  const shown = outputSchema(output);
  const schema = paged === true ? pageOf(shown) : shown;
  const scopes = [...new Set(["jeton:admin", scopeOf(access)])];
  return {
    operationId: name.replace(/[ -](\w)/g, (_all, letter: string) => letter.toUpperCase()),
    summary: does,
    tags: [nounOf(command)],
    security: scopes.map((scope) => ({ token: [scope] })),
    parameters: [...parametersOf(command), ...headersOf(command)],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      [isCreated ? "201" : "200"]: {
        description: isCreated ? "it was made" : "it was done",
        ...(name.endsWith(" show") ? { headers: { ETag: { schema: { type: "string" } } } } : {}),
        content: { "application/json": { schema } },
      },
      default: {
        description: "a problem (RFC 9457)",
        content: {
          [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } },
          // A request that is too large, or is no valid HTTP, is refused before its path is looked at.
          "application/json": { schema: outputSchema(EARLY_REFUSAL) },
        },
      },
    },
  };
}

/** The members of the input in the path and in the query. */
function parametersOf(command: Command): object[] {
  const route = routeOf(command);
  const { properties, required } = inputSchema(command.input);
  return Object.entries(properties).flatMap(([name, schema]) => {
    const isPath = isInPath(command, route, name);
    if (!isPath && route.input === "body") return [];
    const { description, default: standard, ...rest } = schema;
    const isStructured = rest.type === "object";
    return {
      name,
      in: isPath ? "path" : "query",
      required: isPath || required.includes(name),
      ...(description === undefined ? {} : { description }),
      ...(isStructured
        ? { content: { "application/json": { schema } } }
        : { schema: standard === undefined ? rest : { ...rest, default: standard } }),
    };
  });
}

const IF_MATCH = {
  name: "If-Match",
  in: "header",
  schema: { type: "string" },
  description: "the ETag of what was shown",
};

const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  schema: { type: "string", pattern: "^[!-~]{1,255}$" },
  description: "the same request with the same key is carried out once in 24 hours, and gets the same answer",
};

/** The headers that a command honours. */
function headersOf({ expects, effect }: Command): object[] {
  return [...(expects === true ? [IF_MATCH] : []), ...(effect === "reads" ? [] : [IDEMPOTENCY_KEY])];
}

function bodyOf(command: Command): object | undefined {
  const route = routeOf(command);
  if (route.input === "query") return undefined;
  const { properties, required, ...rest } = inputSchema(command.input);
  const members = Object.entries(properties).filter(([name]) => !isInPath(command, route, name));
  const needed = required.filter((name) => !isInPath(command, route, name));
  if (members.length === 0) return undefined;
  const schema = {
    ...rest,
    properties: Object.fromEntries(members),
    ...(needed.length > 0 ? { required: needed } : {}),
  };
  return { required: needed.length > 0, content: { "application/json": { schema } } };
}

function pageOf(items: Schema): object {
  return {
    type: "object",
    required: ["items"],
    properties: {
      items: { type: "array", items },
      next: { type: "string", description: "cursor of the next page, if there is one" },
    },
  };
}

function inputSchema(input: z.ZodType): {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
} & Schema {
  return { properties: {}, required: [], ...jsonSchema(input, "input") };
}

function outputSchema(output: z.ZodType): Schema {
  return jsonSchema(output, "output");
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Schema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" });
  return rest;
}

function securitySchemes(issuer: string): object {
  const descriptions = new Map(BUILT_IN_SCOPES.map(({ name, description }) => [name, description ?? name]));
  const scopes = Object.fromEntries(ADMIN_SCOPES.map((name) => [name, descriptions.get(name)]));
  return {
    token: { type: "oauth2", flows: { clientCredentials: { tokenUrl: `${issuer}/oauth2/token`, scopes } } },
  };
}
