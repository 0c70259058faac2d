-- How a client wants its introspection responses signed (RFC 9701), and its id_tokens and userinfo responses encrypted
-- (OpenID Connect Registration section 2).
ALTER TABLE "clients" ADD COLUMN "introspection_signed_response_alg" TEXT NOT NULL DEFAULT 'RS256',
ADD COLUMN "id_token_encrypted_response_alg" TEXT,
ADD COLUMN "id_token_encrypted_response_enc" TEXT,
ADD COLUMN "userinfo_encrypted_response_alg" TEXT,
ADD COLUMN "userinfo_encrypted_response_enc" TEXT;
