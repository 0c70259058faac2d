-- Whose tokens a client may exchange (RFC 8693). Existing clients may exchange none.
ALTER TABLE "clients" ADD COLUMN "token_exchange" JSONB NOT NULL DEFAULT '[]';
