-- Clients that register themselves (RFC 7591). `registered_by` is null for a client that an operator made.
ALTER TABLE "clients" ADD COLUMN "registered_by" TEXT;
CREATE INDEX "clients_registered_by_idx" ON "clients" ("registered_by") WHERE "registered_by" IS NOT NULL;

CREATE TABLE "client_registrations" (
    "client_id" TEXT NOT NULL,
    "token_hash" BYTEA,
    "metadata" JSONB NOT NULL,
    "registered_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "client_registrations_pkey" PRIMARY KEY ("client_id")
);
CREATE INDEX "client_registrations_expires_at_idx" ON "client_registrations" ("expires_at");
ALTER TABLE "client_registrations" ADD CONSTRAINT "client_registrations_client_id_fkey"
  FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "registration_tokens" (
    "id" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "uses_left" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "registration_tokens_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "registration_tokens_hash_key" ON "registration_tokens" ("hash");
CREATE INDEX "registration_tokens_expires_at_idx" ON "registration_tokens" ("expires_at");

-- A client that registered itself and was never used has no token that could outlive it. Its id leaves no trace, so that
-- strangers cannot fill the table.
CREATE OR REPLACE FUNCTION jeton_clients_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO deleted_clients AS d (client_id, token_epoch) SELECT client_id, token_epoch FROM removed
  WHERE registered_by IS NULL OR token_epoch > 0 ORDER BY 1
  ON CONFLICT (client_id) DO UPDATE SET token_epoch = greatest(d.token_epoch, excluded.token_epoch);
  UPDATE account_names n SET client_ids = array_remove(n.client_ids, r.client_id)
  FROM removed r WHERE n.name = lower(r.client_id COLLATE "C");
  DELETE FROM account_names n USING removed r
  WHERE n.name = lower(r.client_id COLLATE "C")
    AND n.login_of IS NULL AND n.subs = '{}' AND n.client_ids = '{}' AND n.deleted_subs = '{}';
  RETURN NULL;
END
$$;
