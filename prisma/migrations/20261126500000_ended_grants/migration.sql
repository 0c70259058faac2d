-- A revocation changes no index (docs/decisions/0015): the sweep checks each grant at least once a week, and finds ended ones then.
-- Grants that have ended before this migration are due at once.
UPDATE "grants" SET "sweep_after" = '1970-01-01T00:00:00Z' WHERE "ended_at" IS NOT NULL;
DROP INDEX "grants_ended";
DROP INDEX "grants_of_session";
CREATE INDEX "grants_of_session" ON "grants" ("sid") WHERE "sid" IS NOT NULL;
