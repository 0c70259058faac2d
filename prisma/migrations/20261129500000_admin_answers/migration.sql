-- Answers of the Admin API to requests with an Idempotency-Key.
CREATE TABLE "admin_answers" (
    "id" BYTEA NOT NULL,
    "request" BYTEA NOT NULL,
    "sealed" BYTEA,
    "begun_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "admin_answers_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "admin_answers_expires_at_idx" ON "admin_answers"("expires_at");
