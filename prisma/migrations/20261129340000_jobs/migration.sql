-- Work over many rows, which survives a restart (docs/decisions/0033).
CREATE TABLE "jobs" (
  "id" TEXT NOT NULL,
  "kind" TEXT NOT NULL,
  "asked" JSONB NOT NULL,
  "filter" JSONB NOT NULL,
  "idempotency_key" TEXT,
  "counted" INTEGER NOT NULL,
  "counted_all" BOOLEAN NOT NULL,
  "state" TEXT NOT NULL DEFAULT 'waiting',
  "looked_at" BIGINT NOT NULL DEFAULT 0,
  "done" BIGINT NOT NULL DEFAULT 0,
  "after_time" TIMESTAMPTZ(3),
  "after_id" TEXT,
  "started_by" JSONB NOT NULL,
  "holder" TEXT,
  "held_until" TIMESTAMPTZ(3),
  "failures" INTEGER NOT NULL DEFAULT 0,
  "failure" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  "finished_at" TIMESTAMPTZ(3),

  CONSTRAINT "jobs_pkey" PRIMARY KEY ("id")
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX "jobs_idempotency_key_key" ON "jobs"("idempotency_key");
CREATE INDEX "jobs_created_at_id_idx" ON "jobs"("created_at", "id");
CREATE INDEX "jobs_finished_at_idx" ON "jobs"("finished_at");
-- There are few of them, and each batch reads one.
CREATE INDEX "jobs_unfinished" ON "jobs"("created_at") WHERE "finished_at" IS NULL;

CREATE TRIGGER jobs_notify AFTER INSERT ON jobs
  FOR EACH ROW EXECUTE FUNCTION jeton_notify('jobs');
