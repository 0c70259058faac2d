-- Which assertions of clients were used, as keyed hashes of client and jti (RFC 7523 section 3): kept until after they
-- have expired, so that none is taken twice on any instance.
CREATE TABLE "used_assertions" (
    "hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "used_assertions_pkey" PRIMARY KEY ("hash")
);
CREATE INDEX "used_assertions_expires_at_idx" ON "used_assertions" ("expires_at");
