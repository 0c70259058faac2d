-- CreateTable
CREATE TABLE "tries" (
    "key" BYTEA NOT NULL,
    "count" INTEGER NOT NULL,
    "blocked_until" TIMESTAMPTZ(3),
    "reset_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tries_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE INDEX "tries_reset_at_idx" ON "tries"("reset_at");
