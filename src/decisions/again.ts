import type { Client } from "../clients/registry.js";
import type { Targets } from "../grants/targets.js";
import type { Configuration } from "./configuration.js";
import type { Recalled } from "./recalled.js";

/** A decision that is made again. */
export interface Again {
  readonly recalled: Recalled;
  readonly configuration: Configuration;
  /** The client, once it is known. */
  client: Client | undefined;
  targets: Targets | undefined;
  /** The scopes that the request would get. */
  scope: readonly string[] | undefined;
}
