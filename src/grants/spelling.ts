import type { ClaimedName } from "../accounts/log-in.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import type { TokenSpelling } from "../tokens/spelling.js";

/**
 * What the core has to know of how a dialect says things: which parameters its page requires, and how tokens got on its
 * paths are represented. Nothing here decides who gets what.
 */
export interface RequestSpelling {
  /** The dialect's name, which a client lists in `dialects`. */
  readonly name: string;
  /** The grants its page has; without it, every one there is. */
  readonly grants?: readonly string[];
  /** Parameters that this dialect's page requires of a grant or an operation beyond its own, each with its refusal. */
  readonly required: Readonly<Record<string, readonly { readonly name: string; readonly missing: SlotlessCode }[]>>;
  /** Whether a scope named twice is refused, or read as the set it is (RFC 6749 section 3.3). */
  readonly repeatedScope: "refused" | "folded";
  /** What members of a JSON body are called here, by the standard's names; the others are called so. */
  readonly members?: Readonly<Record<string, string>>;
  /** Whom a username names at a client; a person, as it stands, where nothing else is said. */
  readonly readUsername?: (username: string, client_id: string) => ClaimedName;
  /** The scope by which its page has a refresh token asked for. */
  readonly refreshScope?: string;
  /** How tokens are represented on this dialect's paths. */
  readonly tokens: TokenSpelling;
}
