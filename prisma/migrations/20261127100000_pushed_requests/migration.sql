-- Pushed authorization requests (RFC 9126). A browser's first visit and the answer update a row and no column of an index but
-- `expires_at`, once.
CREATE TABLE "pushed_requests" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "opened_at" TIMESTAMPTZ(3),
    "answered_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "pushed_requests_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "pushed_requests_expires_at_idx" ON "pushed_requests"("expires_at");

ALTER TABLE "clients" ADD COLUMN "require_pushed_authorization_requests" BOOLEAN NOT NULL DEFAULT false;
