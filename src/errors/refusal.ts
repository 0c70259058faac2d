import { KINDS, row, type CatalogueRow, type Code, type SlotName, type Slots } from "./catalogue.js";
import { fillSlot } from "./slots.js";

/** What only the operator gets to read, and how long a client that was turned away should wait. */
interface RefusalDetails {
  /** Why, for the log; never leaves the server. Must not hold a secret, a token, a code or a password. */
  readonly reason?: string;
  /** Seconds after which trying again makes sense (RFC 9110 section 10.2.3). */
  readonly retryAfter?: number;
  /** Where a person can begin again. */
  readonly again?: string;
  /** The app that a person came from, and where its own pages begin. */
  readonly app?: AppLink | undefined;
  /** Methods the path does answer to (RFC 9110 section 10.2.1). */
  readonly allow?: readonly string[];
  /** What the answer says besides, where its specification has more to say than a word and a sentence. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** An app as a page links to it. */
export interface AppLink {
  readonly name: string;
  readonly uri: string;
}

/** The one error that is thrown on purpose: a catalogue code, its slots, and the operator's reason. */
export class Refusal<C extends Code = Code> extends Error {
  readonly row: CatalogueRow;
  readonly reason: string | undefined;
  readonly retryAfter: number | undefined;
  readonly again: string | undefined;
  readonly app: AppLink | undefined;
  readonly allow: readonly string[] | undefined;
  readonly more: Readonly<Record<string, unknown>> | undefined;

  constructor(code: C, ...[slots, details]: RefusalArguments<C>) {
    const found = row(code);
    super(fill(found.message, slots ?? {}));
    this.name = "Refusal";
    this.row = found;
    this.reason = details?.reason;
    this.retryAfter = details?.retryAfter;
    this.again = details?.again;
    this.app = details?.app;
    this.allow = details?.allow;
    this.more = details?.more;
  }

  /** The standard's word for it (RFC 6749 section 5.2 and its companions). */
  get error(): string {
    return KINDS[this.row.kind].error;
  }

  /** The standard's HTTP status for it. */
  get status(): number {
    return KINDS[this.row.kind].status;
  }
}

type RefusalArguments<C extends Code> = [keyof Slots<C>] extends [never]
  ? [slots?: Record<string, never>, details?: RefusalDetails]
  : [slots: Slots<C>, details?: RefusalDetails];

/** Fills the named slots of a message, each by its rule. */
function fill(message: string, slots: Readonly<Record<string, string>>): string {
  return message.replace(/\{(\w+)\}/g, (slot, name: SlotName) => fillSlot(name, slots[name] ?? slot));
}
