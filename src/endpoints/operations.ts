import type { AuthenticationRequest } from "../clients/authenticate.js";
import type { Core } from "../core.js";
import type { RequestSpelling } from "../grants/spelling.js";
import type { AuditFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";
import { onBehalfOf } from "../store/open.js";
import type { Caller } from "../store/pool.js";

/** A request after a dialect has read it: nothing of the wire is left in it. */
export interface OperationRequest extends AuthenticationRequest {
  readonly parameters: Parameters;
  /** What the body says where it is JSON, under this dialect's names (grants/spelling.ts, members). */
  readonly document: object | undefined;
  /** Parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly spelling: RequestSpelling;
  /** What is put on record of it. */
  readonly facts: AuditFacts;
  readonly decision_id: string;
  /** Who waits for the answer. */
  readonly caller: Caller;
}

/** What each operation results in, before a dialect spells it. The file of an operation adds its own line. */
export interface Operations {}

export type OperationName = keyof Operations;
export type Operation<Name extends OperationName> = (request: OperationRequest) => Promise<Operations[Name]>;

/** How a plugin offers it: the core it is handed sends no statement for a caller that has left. */
export type OfferedOperation<Name extends OperationName> = (
  request: OperationRequest,
  core: Core,
) => Promise<Operations[Name]>;

/** The operations there are. A plugin offers one; a dialect mounts it on a path. */
export class OperationRegistry {
  readonly #core: Core;
  readonly #operations = new Map<OperationName, Operation<OperationName>>();

  constructor(core: Core) {
    this.#core = core;
  }

  offer<Name extends OperationName>(name: Name, operation: OfferedOperation<Name>): void {
    this.#operations.set(name, (request) => {
      const { caller } = request;
      return operation(request, { ...this.#core, caller, db: onBehalfOf(this.#core.db, caller) });
    });
  }

  /** @throws Error when no plugin offers it: a fault in app.ts, found when the server starts */
  get<Name extends OperationName>(name: Name): Operation<Name> {
    const operation = this.#operations.get(name);
    if (operation === undefined) throw new Error(`no plugin offers the operation ${name}`);
    return operation as Operation<Name>;
  }
}

declare module "fastify" {
  interface FastifyInstance {
    operations: OperationRegistry;
  }
}
