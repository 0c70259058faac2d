import { KINDS, row, type CatalogueRow, type Code, type SlotName, type Slots } from "./catalogue.js";
import { fillSlot } from "./slots.js";

/** The details of a refusal, besides the slots of its message. */
interface RefusalDetails {
  /** The reason, for the log only. It holds no secret, token, code or password. */
  readonly reason?: string | undefined;
  /** Seconds after which another attempt makes sense (RFC 9110 section 10.2.3). */
  readonly retryAfter?: number | undefined;
  /** A URL where a user can start again. */
  readonly again?: string | undefined;
  /** The app of the user, with a link to its pages. */
  readonly app?: AppLink | undefined;
  /** Methods that the path supports (RFC 9110 section 10.2.1). */
  readonly allow?: readonly string[] | undefined;
  /** Further members of the response, if a specification has some. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

/** An app as a page links to it. */
export interface AppLink {
  readonly name: string;
  readonly uri: string;
}

/** Whether a thrown value is a refusal, of any code. `instanceof` alone would not type it. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Refusal;
}

/** The only error that is thrown on purpose: a catalogue code, its slots, and details. */
export class Refusal<C extends Code = Code> extends Error {
  readonly row: CatalogueRow;
  readonly reason: string | undefined;
  readonly retryAfter: number | undefined;
  readonly again: string | undefined;
  readonly app: AppLink | undefined;
  readonly allow: readonly string[] | undefined;
  readonly more: Readonly<Record<string, unknown>> | undefined;

  constructor(code: C, ...[details]: RefusalArguments<C>) {
    const found = row(code);
    super(fill(found.message, details?.slots ?? {}));
    this.name = "Refusal";
    this.row = found;
    this.reason = details?.reason;
    this.retryAfter = details?.retryAfter;
    this.again = details?.again;
    this.app = details?.app;
    this.allow = details?.allow;
    this.more = details?.more;
  }

  /** The standard's error code (RFC 6749 section 5.2 and related RFCs). */
  get error(): string {
    return KINDS[this.row.kind].error;
  }

  /** The standard's HTTP status. */
  get status(): number {
    return KINDS[this.row.kind].status;
  }
}

/** A message with slots needs their values. Others take none. */
type RefusalArguments<C extends Code> = [keyof Slots<C>] extends [never]
  ? [details?: RefusalDetails & { readonly slots?: never }]
  : [details: RefusalDetails & { readonly slots: Slots<C> }];

/** Fills the named slots of a message, each by its rule. */
function fill(message: string, slots: Readonly<Record<string, string>>): string {
  return message.replace(/\{(\w+)\}/g, (slot, name: SlotName) => fillSlot(name, slots[name] ?? slot));
}
