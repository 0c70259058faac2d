-- The two indexes before this migration serve whatever these did.
DROP INDEX "grants_client_id_idx";
DROP INDEX "grants_sub_idx";

-- The sessions of a user in the order of their logins.
CREATE INDEX "sessions_sub_auth_time_idx" ON "sessions" ("sub", "auth_time");
DROP INDEX "sessions_sub_idx";
