-- DPoP (RFC 9449): tokens that are bound to a key of their client.
ALTER TABLE "clients" ADD COLUMN "dpop_bound_access_tokens" BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE "dpop_proofs" (
    "hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "dpop_proofs_pkey" PRIMARY KEY ("hash")
);

CREATE INDEX "dpop_proofs_expires_at_idx" ON "dpop_proofs"("expires_at");
