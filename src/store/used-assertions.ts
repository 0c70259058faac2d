import { KEPT } from "./sweep-time.js";
import { usedOnceIn } from "./used-once.js";

/** Uses an assertion up. Its hash is a keyed one of its client and `jti`. */
export const useAssertion = usedOnceIn("used_assertions", KEPT);
