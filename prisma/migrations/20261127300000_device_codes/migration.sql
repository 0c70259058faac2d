-- Devices that wait for a user's answer (RFC 8628).
CREATE TABLE "device_codes" (
  "id" TEXT NOT NULL,
  "user_code_hash" BYTEA NOT NULL,
  "client_id" TEXT NOT NULL,
  "scope" TEXT[],
  "poll_interval" INTEGER NOT NULL,
  "polled_at" TIMESTAMPTZ(3),
  "is_hurried" BOOLEAN NOT NULL DEFAULT false,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "answer" TEXT,
  "grant_id" TEXT,

  CONSTRAINT "device_codes_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "device_codes_user_code_hash_key" ON "device_codes"("user_code_hash");

CREATE INDEX "device_codes_expires_at_idx" ON "device_codes"("expires_at");
