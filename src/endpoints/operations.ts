import type { AuthenticationRequest } from "../clients/authenticate.js";
import type { Core } from "../core.js";
import type { RequestSpelling } from "../grants/spelling.js";
import type { AuditFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";
import { onBehalfOf } from "../store/open.js";
import type { Caller } from "../store/pool.js";

/** A request after a dialect has read it. Nothing in it depends on the wire format. */
export interface OperationRequest extends AuthenticationRequest {
  readonly parameters: Parameters;
  /** A JSON body, with its members under the standard's names (grants/spelling.ts, members). Undefined until it is read. */
  readonly document: object | undefined;
  /** Parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly spelling: RequestSpelling;
  /** The media types that the caller accepts, as it wrote them. */
  readonly accept: string | undefined;
  /** The facts that the audit line of this request will hold. */
  readonly facts: AuditFacts;
  readonly decision_id: string;
  /** The connection that waits for the answer. */
  readonly caller: Caller;
}

/** A request before its JSON body is read: this is all that a guard sees. */
export type UnreadRequest = Omit<OperationRequest, "document">;

/** The result of each operation, before a dialect words it. The file of an operation adds its own line. */
export interface Operations {}

export type OperationName = keyof Operations;

/**
 * Checks that the caller may use an operation.
 * @returns the caller, for the operation
 * @throws Refusal where the caller may not
 */
export type Guard<Admitted> = (request: UnreadRequest, core: Core) => Promise<Admitted>;

/** How metadata documents describe an operation (RFC 8414 section 2). */
export interface EndpointMetadata {
  /** The member that holds its URL. */
  readonly member: `${string}_endpoint`;
  /** The documents that have this member: all of them, or only UMA's (UMA 2.0 Grant section 2). */
  readonly documents: "all" | "uma";
  /** The clients that can authenticate there. Absent where no client does. */
  readonly clients?: "all" | "confidential";
}

/** Everything that the server knows about one operation. */
type OperationDescriptor<Name extends OperationName, Admitted> = OperationRow &
  (OpenOperation<Name> | GuardedOperation<Name, Admitted>);

interface OperationRow {
  /** Web pages that may call it by CORS: those of the client that the request is from, or any. Absent where no page may. */
  readonly cors?: "pages of the client" | "any page";
  readonly metadata?: EndpointMetadata;
  /** Whether it finishes after its caller has disconnected. Every other operation sends no statement any more. */
  readonly outlivesCaller?: true;
}

/** Authenticates its caller itself, because a request without its required parameters is refused first. */
interface OpenOperation<Name extends OperationName> {
  readonly guard: null;
  readonly run: (request: OperationRequest, core: Core) => Promise<Operations[Name]>;
}

/** Has a guard that runs before the JSON body is read: a caller without permission learns nothing about the body. */
interface GuardedOperation<Name extends OperationName, Admitted> {
  readonly guard: Guard<Admitted>;
  readonly run: (request: OperationRequest, core: Core, admitted: Admitted) => Promise<Operations[Name]>;
}

/** An operation as the registry hands it out: its guard cannot be skipped. */
interface RegisteredOperation<Name extends OperationName> {
  readonly isGuarded: boolean;
  readonly row: OperationRow;
  /** @param readDocument reads the JSON body; called once, after the guard */
  readonly answer: (request: OperationRequest, readDocument: () => object | undefined) => Promise<Operations[Name]>;
}

/** The registered operations. A plugin offers one, and a dialect mounts it on a path. */
export class OperationRegistry {
  readonly #core: Core;
  readonly #operations = new Map<OperationName, RegisteredOperation<OperationName>>();

  constructor(core: Core) {
    this.#core = core;
  }

  offer<Name extends OperationName, Admitted>(name: Name, descriptor: OperationDescriptor<Name, Admitted>): void {
    const answer: RegisteredOperation<Name>["answer"] = async (request, readDocument) => {
      const core = descriptor.outlivesCaller === true ? this.#core : this.#coreFor(request.caller);
      if (descriptor.guard === null) return descriptor.run({ ...request, document: readDocument() }, core);
      const admitted = await descriptor.guard(request, core);
      return descriptor.run({ ...request, document: readDocument() }, core, admitted);
    };
    this.#operations.set(name, { isGuarded: descriptor.guard !== null, row: descriptor, answer });
  }

  /** @throws Error when no plugin offers it: a fault in app.ts, found when the server starts */
  get<Name extends OperationName>(name: Name): RegisteredOperation<Name> {
    const operation = this.#operations.get(name);
    if (operation === undefined) throw new Error(`no plugin offers the operation ${name}`);
    return operation as RegisteredOperation<Name>;
  }

  /** A core that sends no statement for a caller that has disconnected. */
  #coreFor(caller: Caller): Core {
    return { ...this.#core, caller, db: onBehalfOf(this.#core.db, caller) };
  }
}

declare module "fastify" {
  interface FastifyInstance {
    operations: OperationRegistry;
  }
}
