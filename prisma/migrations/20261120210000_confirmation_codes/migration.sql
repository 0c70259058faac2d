-- CreateTable
CREATE TABLE "confirmation_codes" (
    "key" BYTEA NOT NULL,
    "code_hash" BYTEA NOT NULL,
    "tries" INTEGER NOT NULL,
    "used" BOOLEAN NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "confirmation_codes_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE INDEX "confirmation_codes_expires_at_idx" ON "confirmation_codes"("expires_at");
