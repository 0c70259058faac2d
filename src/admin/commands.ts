import { AUDIT_FILE_COMMANDS } from "./audit-files.js";
import { AUDIT_COMMANDS } from "./audit.js";
import { BACKUP_COMMANDS, RESTORE_COMMANDS } from "./backup.js";
import { CLIENT_COMMANDS } from "./clients.js";
import type { AnyCommand } from "./command.js";
import { CONFIGURATION_COMMANDS } from "./configuration.js";
import { CONSENT_COMMANDS } from "./consents.js";
import { DECISION_COMMANDS } from "./decisions.js";
import { DIALECT_COMMANDS } from "./dialects.js";
import { GRANT_COMMANDS } from "./grants.js";
import { ISSUER_COMMANDS } from "./issuers.js";
import { JOB_COMMANDS } from "./jobs.js";
import { KEY_COMMANDS } from "./keys.js";
import { LIMIT_COMMANDS } from "./limits.js";
import { MASTER_KEY_COMMANDS } from "./master-key.js";
import { REGISTRATION_TOKEN_COMMANDS } from "./registration-tokens.js";
import { REVOKE_COMMANDS } from "./revoke.js";
import { SESSION_COMMANDS } from "./sessions.js";
import { AUTHORIZATION_COMMANDS } from "./scopes.js";
import { STORE_COMMANDS } from "./store.js";
import { TOKEN_COMMANDS } from "./tokens.js";
import { UMA_COMMANDS } from "./uma.js";
import { UMA_QUESTION_COMMANDS } from "./uma-questions.js";
import { UMA_RESOURCE_COMMANDS } from "./uma-resources.js";
import { USER_COMMANDS } from "./users.js";

/** Every administrative command, in the order in which the usage lists them. */
export const COMMANDS: readonly AnyCommand[] = [
  ...STORE_COMMANDS,
  ...CONFIGURATION_COMMANDS,
  ...BACKUP_COMMANDS,
  ...CLIENT_COMMANDS,
  ...REGISTRATION_TOKEN_COMMANDS,
  ...USER_COMMANDS,
  ...CONSENT_COMMANDS,
  ...ISSUER_COMMANDS,
  ...REVOKE_COMMANDS,
  ...GRANT_COMMANDS,
  ...JOB_COMMANDS,
  ...SESSION_COMMANDS,
  ...TOKEN_COMMANDS,
  ...KEY_COMMANDS,
  ...MASTER_KEY_COMMANDS,
  ...AUTHORIZATION_COMMANDS,
  ...UMA_COMMANDS,
  ...UMA_RESOURCE_COMMANDS,
  ...UMA_QUESTION_COMMANDS,
  ...DECISION_COMMANDS,
  ...DIALECT_COMMANDS,
  ...LIMIT_COMMANDS,
  ...AUDIT_COMMANDS,
  ...AUDIT_FILE_COMMANDS,
  ...RESTORE_COMMANDS,
];
