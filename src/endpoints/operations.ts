import type { AuthenticationRequest } from "../clients/authenticate.js";
import type { RequestSpelling } from "../grants/spelling.js";
import type { DecisionFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";

/** A request after a dialect has read it: nothing of the wire is left in it. */
export interface OperationRequest extends AuthenticationRequest {
  readonly parameters: Parameters;
  /** What the body says where it is JSON, under this dialect's names (grants/spelling.ts, members). */
  readonly document: object | undefined;
  /** Parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly spelling: RequestSpelling;
  /** What is put on record of it. */
  readonly facts: DecisionFacts;
  readonly decision_id: string;
}

/** What each operation results in, before a dialect spells it. The file of an operation adds its own line. */
export interface Operations {}

export type OperationName = keyof Operations;
export type Operation<Name extends OperationName> = (request: OperationRequest) => Promise<Operations[Name]>;

/** The operations there are. A plugin offers one; a dialect mounts it on a path. */
export class OperationRegistry {
  readonly #operations = new Map<OperationName, Operation<OperationName>>();

  offer<Name extends OperationName>(name: Name, operation: Operation<Name>): void {
    this.#operations.set(name, operation);
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
