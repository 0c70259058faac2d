-- Authorization requests that a client signs (RFC 9101).
ALTER TABLE "clients" ADD COLUMN "require_signed_request_object" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN "request_object_signing_alg" TEXT;
