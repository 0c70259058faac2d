-- How the sweep finds grants without an index over what a refresh changes (docs/decisions/0015). A row that was there
-- before has the constant default, which Postgres adds without writing the table: the sweep looks at it first.
DROP INDEX "grants_over";
ALTER TABLE "grants" ADD COLUMN "sweep_after" TIMESTAMPTZ(3) NOT NULL DEFAULT '1970-01-01T00:00:00Z';
CREATE INDEX "grants_sweep_after_idx" ON "grants" ("sweep_after");
CREATE INDEX "grants_ended" ON "grants" ("ended_at") WHERE "ended_at" IS NOT NULL;
-- A refresh writes a new version of the row, into the same page where there is room.
ALTER TABLE "grants" SET (fillfactor = 85);

-- Of a session only the open grants are looked for: those that were ended leave the index at once.
DROP INDEX "grants_sid_idx";
CREATE INDEX "grants_of_session" ON "grants" ("sid") WHERE "sid" IS NOT NULL AND "ended_at" IS NULL;

-- The other times that the sweep goes by, and a foreign key that had no index.
CREATE INDEX "client_secrets_expires_at_idx" ON "client_secrets" ("expires_at");
CREATE INDEX "signing_keys_retain_until_idx" ON "signing_keys" ("retain_until");
CREATE INDEX "consents_client_id_idx" ON "consents" ("client_id");
