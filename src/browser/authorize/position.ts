import type { Client } from "../../clients/registry.js";
import type { Interaction } from "../../store/interactions.js";
import type { LiveSession } from "../../store/sessions.js";
import type { ClaimsGatheringRequest } from "./answer-claims.js";
import type { DeviceRequest } from "./answer-device.js";
import type { Next } from "./next.js";
import type { AuthorizationRequest } from "./request.js";

/** The goal of an interaction: an answer to a client or a device, or a page of the person's own. */
export type InteractionPurpose = (
  | { readonly kind: "authorization"; readonly request: AuthorizationRequest }
  | { readonly kind: "claims"; readonly request: ClaimsGatheringRequest }
  | { readonly kind: "device"; readonly request: DeviceRequest }
  | { readonly kind: "account" }
) & {
  /** The address at which the person can start again. */
  readonly again: string;
};

/** An interaction with everything that next() needs, read once for each request. */
export interface Position {
  readonly interaction: Interaction;
  readonly purpose: InteractionPurpose;
  readonly client: Client | undefined;
  readonly session: LiveSession | undefined;
  readonly next: Next;
}
