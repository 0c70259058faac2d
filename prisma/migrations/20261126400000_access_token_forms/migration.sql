-- Resource servers differ in the signature and the media type that they accept.
ALTER TABLE "scopes" ADD COLUMN "access_token_signing_alg" TEXT,
ADD COLUMN "access_token_typ" TEXT;

ALTER TABLE "clients" ADD COLUMN "access_token_signing_alg" TEXT NOT NULL DEFAULT 'ES256',
ADD COLUMN "access_token_typ" TEXT NOT NULL DEFAULT 'at+jwt';
