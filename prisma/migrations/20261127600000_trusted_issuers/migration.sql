-- Issuers whose assertions about people are exchanged for access tokens (RFC 7523 section 2.1).
CREATE TABLE "trusted_issuers" (
    "issuer" TEXT NOT NULL,
    "jwks" JSONB,
    "jwks_uri" TEXT,
    "clients" TEXT[],
    "scopes" TEXT[],
    "subject_claim" TEXT NOT NULL,
    "subject_is" TEXT NOT NULL,
    "subjects" JSONB,
    "claims" JSONB NOT NULL,
    "assertion_lifetime" INTEGER NOT NULL,
    "disabled" BOOLEAN NOT NULL,

    CONSTRAINT "trusted_issuers_pkey" PRIMARY KEY ("issuer")
);
