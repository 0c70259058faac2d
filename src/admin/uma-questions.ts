import { z } from "zod";
import { InputError } from "../errors/operator-error.js";
import { approvalsOfOwner, approvalsOfResource, listDecisions } from "../store/uma-lists.js";
import { name } from "./arguments.js";
import { command, type AnyCommand, type PagedContext } from "./command.js";
import { PAGING } from "./page.js";

/** Questions to the owners of resources, and the decisions on tickets. */

const STATES = ["pending", "approved", "denied"] as const;

const QUESTIONS = z.strictObject({
  owner: name.optional().meta({ description: "questions to this user (sub)" }),
  resource: name.optional().meta({ description: "questions about this resource" }),
  state: z.enum(STATES).optional().meta({ description: "pending by default, if the owner is given" }),
  ...PAGING,
});

async function listQuestions({ core: { db }, input, after }: PagedContext<z.output<typeof QUESTIONS>>) {
  const { owner, resource, state, limit } = input;
  // An index serves each of them, and no index serves both.
  if ((owner === undefined) === (resource === undefined)) throw new InputError([], "give either --owner or --resource");
  const [asked_at, resource_id, client_id, party, scope] = (after ?? []) as readonly string[];
  const place = { resource_id: resource_id!, client_id: client_id!, party: party!, scope: scope! };
  const from = asked_at === undefined ? undefined : { ...place, asked_at: new Date(asked_at) };
  const { items, last } =
    owner === undefined
      ? await approvalsOfResource(db, { resource_id: resource!, state }, from, limit)
      : await approvalsOfOwner(db, { owner, state: state ?? "pending" }, from, limit);
  const next = last && [last.asked_at.toISOString(), last.resource_id, last.client_id, last.party, last.scope];
  return { items, next };
}

const DECISIONS = z.strictObject({
  owner: name.optional().meta({ description: "decisions on the resources of this user (sub)" }),
  client: name.optional().meta({ description: "decisions for this client" }),
  ...PAGING,
});

async function listTicketDecisions({ core: { db }, input, after }: PagedContext<z.output<typeof DECISIONS>>) {
  const { owner, client: client_id, limit } = input;
  if (owner !== undefined && client_id !== undefined) throw new InputError([], "give either --owner or --client");
  const [decided_at, id, resource_id] = (after ?? []) as readonly string[];
  const from =
    decided_at === undefined ? undefined : { decided_at: new Date(decided_at), id: id!, resource_id: resource_id! };
  const { items, last } = await listDecisions(db, { owner, client_id }, from, limit);
  return { items, next: last && [last.decided_at.toISOString(), last.id, last.resource_id] };
}

export const UMA_QUESTION_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "uma-approval list",
    does: "lists the questions to an owner in one state, the latest first, or all about one resource",
    access: "read",
    effect: "reads",
    input: QUESTIONS,
    output: z.object({
      owner: z.string(),
      resource_id: z.string(),
      client_id: z.string(),
      party: z.string(),
      scope: z.string(),
      state: z.string(),
      asked_at: z.iso.datetime(),
      decided_at: z.iso.datetime().nullable(),
      expires_at: z.iso.datetime().nullable(),
    }),
    paged: true,
    run: listQuestions,
  }),
  command({
    name: "uma-decision list",
    does: "lists decisions on tickets, the latest first; `uma explain` shows the rules of one",
    access: "read",
    effect: "reads",
    input: DECISIONS,
    output: z.object({
      id: z.string(),
      resource_id: z.string(),
      outcome: z.string(),
      client_id: z.string(),
      sub: z.string().nullable(),
      owner: z.string().nullable(),
      asked: z.array(z.string()).readonly(),
      granted: z.array(z.string()).readonly(),
      decided_at: z.iso.datetime(),
    }),
    paged: true,
    run: listTicketDecisions,
  }),
];
