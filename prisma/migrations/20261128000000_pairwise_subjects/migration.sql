-- How a client knows its users (OpenID Connect Core section 8).
ALTER TABLE "clients" ADD COLUMN "subject_type" TEXT NOT NULL DEFAULT 'public',
ADD COLUMN "sector_identifier_uri" TEXT;
