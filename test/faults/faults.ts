import type { Fault } from "./fault.js";
import { DATABASE_FAULTS } from "./kinds/database.js";
import { INSTANCE_FAULTS } from "./kinds/instances.js";
import { NETWORK_FAULTS } from "./kinds/network.js";
import { OPERATOR_FAULTS } from "./kinds/operator.js";

/** Every kind of fault. */
export const FAULTS: readonly Fault[] = [...INSTANCE_FAULTS, ...DATABASE_FAULTS, ...NETWORK_FAULTS, ...OPERATOR_FAULTS];
