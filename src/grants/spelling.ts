import type { ClaimedName } from "../accounts/log-in.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import type { TokenSpelling } from "../tokens/spelling.js";

/**
 * The properties of a dialect that the core needs: the parameters that it requires, and the form of its tokens. None of
 * them decides what a client may have.
 */
export interface RequestSpelling {
  /** Whether introspection is answered with a signed JWT if the caller asks for one (RFC 9701). */
  readonly signsIntrospection?: true;
  /** The dialect's name, which a client lists in `dialects`. */
  readonly name: string;
  /** The grant types it supports; all of them by default. */
  readonly grants?: readonly string[];
  /** Parameters that this dialect requires in addition, by grant type or operation, each with its refusal. */
  readonly required: Readonly<Record<string, readonly { readonly name: string; readonly missing: SlotlessCode }[]>>;
  /** Whether a repeated scope is refused, or counts once (RFC 6749 section 3.3). */
  readonly repeatedScope: "refused" | "folded";
  /** This dialect's names of members of a JSON body, by the standard's names, where they differ. */
  readonly members?: Readonly<Record<string, string>>;
  /** Reads a username; by default it is the name of a person. */
  readonly readUsername?: (username: string, client_id: string) => ClaimedName;
  /** The scope that a client has to request for a refresh token. By default no scope is needed. */
  readonly refreshScope?: string;
  /** How tokens are represented on this dialect's paths. */
  readonly tokens: TokenSpelling;
}
