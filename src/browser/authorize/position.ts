import type { Client } from "../../clients/registry.js";
import type { Interaction } from "../../store/interactions.js";
import type { LiveSession } from "../../store/sessions.js";
import type { Next } from "./next.js";
import type { ClaimsGatheringRequest } from "../gather-claims.js";
import type { AuthorizationRequest } from "./request.js";

/** What an interaction leads to: an answer to a client, or a page of the person's own. */
export type InteractionPurpose = (
  | { readonly kind: "authorization"; readonly request: AuthorizationRequest }
  | { readonly kind: "claims"; readonly request: ClaimsGatheringRequest }
  | { readonly kind: "account" }
) & {
  /** Where it began, and can begin again. */
  readonly again: string;
};

/** An interaction with everything that next() needs, read once for each visit. */
export interface Position {
  readonly interaction: Interaction;
  readonly purpose: InteractionPurpose;
  readonly client: Client | undefined;
  readonly session: LiveSession | undefined;
  readonly next: Next;
}
