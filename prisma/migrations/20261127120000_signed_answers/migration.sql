-- Authorization responses that are signed (JARM).
ALTER TABLE "clients" ADD COLUMN "authorization_signed_response_alg" TEXT NOT NULL DEFAULT 'RS256';
