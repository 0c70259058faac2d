-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "installation" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "master_key_fingerprint" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "installation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "provisioned_entries" (
    "kind" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "digest" TEXT NOT NULL,

    CONSTRAINT "provisioned_entries_pkey" PRIMARY KEY ("kind","id")
);

-- CreateTable
CREATE TABLE "scopes" (
    "name" TEXT NOT NULL,
    "description" TEXT,
    "audience" TEXT,
    "claims" TEXT[],

    CONSTRAINT "scopes_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "clients" (
    "client_id" TEXT NOT NULL,
    "client_name" TEXT,
    "token_endpoint_auth_method" TEXT NOT NULL,
    "token_endpoint_auth_signing_alg" TEXT,
    "token_endpoint_auth_encryption_alg" TEXT,
    "token_endpoint_auth_encryption_enc" TEXT,
    "grant_types" TEXT[],
    "response_types" TEXT[],
    "redirect_uris" TEXT[],
    "post_logout_redirect_uris" TEXT[],
    "web_origins" TEXT[],
    "scope" TEXT[],
    "audiences" TEXT[],
    "jwks" JSONB,
    "jwks_uri" TEXT,
    "tls_client_auth_subject_dn" TEXT,
    "tls_client_auth_san_dns" TEXT,
    "tls_client_auth_san_uri" TEXT,
    "tls_client_auth_san_ip" TEXT,
    "tls_client_auth_san_email" TEXT,
    "tls_client_certificate_thumbprint" TEXT,
    "access_token_lifetime" INTEGER NOT NULL,
    "access_token_format" TEXT NOT NULL,
    "refresh_token_lifetime" INTEGER NOT NULL,
    "refresh_token_absolute_lifetime" INTEGER NOT NULL,
    "refresh_token_rotation" BOOLEAN NOT NULL,
    "id_token_signed_response_alg" TEXT NOT NULL,
    "userinfo_signed_response_alg" TEXT,
    "require_pkce" BOOLEAN NOT NULL,
    "consent" TEXT NOT NULL,
    "dialects" TEXT[],
    "disabled" BOOLEAN NOT NULL DEFAULT false,
    "token_epoch" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "clients_pkey" PRIMARY KEY ("client_id")
);

-- CreateTable
CREATE TABLE "client_secrets" (
    "id" UUID NOT NULL,
    "client_id" TEXT NOT NULL,
    "hash" BYTEA,
    "sealed" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "client_secrets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "sub" TEXT NOT NULL,
    "preferred_username" TEXT NOT NULL,
    "password_hash" TEXT,
    "email" TEXT,
    "email_verified" BOOLEAN NOT NULL DEFAULT false,
    "phone_number" TEXT,
    "phone_number_verified" BOOLEAN NOT NULL DEFAULT false,
    "roles" TEXT[],
    "claims" JSONB NOT NULL DEFAULT '{}',
    "disabled" BOOLEAN NOT NULL DEFAULT false,
    "token_epoch" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("sub")
);

-- CreateTable
CREATE TABLE "user_identifiers" (
    "value" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "sub" TEXT NOT NULL,

    CONSTRAINT "user_identifiers_pkey" PRIMARY KEY ("value")
);

-- CreateTable
CREATE TABLE "grants" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "sub" TEXT NOT NULL,
    "scope" TEXT[],
    "user_epoch" INTEGER NOT NULL,
    "client_epoch" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL DEFAULT 0,
    "retries" INTEGER NOT NULL DEFAULT 0,
    "rotated_at" TIMESTAMPTZ(3),
    "auth_time" TIMESTAMPTZ(3) NOT NULL,
    "amr" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "idle_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "absolute_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "ended_because" TEXT,

    CONSTRAINT "grants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "revoked_tokens" (
    "jti" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "revoked_tokens_pkey" PRIMARY KEY ("jti")
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "kid" TEXT NOT NULL,
    "alg" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "sealed_private" BYTEA NOT NULL,
    "published_at" TIMESTAMPTZ(3) NOT NULL,
    "active_from" TIMESTAMPTZ(3),
    "retain_until" TIMESTAMPTZ(3),

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("kid")
);

-- CreateTable
CREATE TABLE "devices" (
    "device_id" TEXT NOT NULL,
    "jwk" JSONB NOT NULL,
    "scope" TEXT[],
    "max_renewals" INTEGER,
    "disabled" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "devices_pkey" PRIMARY KEY ("device_id")
);

-- CreateTable
CREATE TABLE "apps" (
    "app_id" TEXT NOT NULL,
    "app_key_hash" BYTEA NOT NULL,
    "client_id" TEXT NOT NULL,
    "client_secret_hash" BYTEA NOT NULL,
    "default_token_lifetime" INTEGER NOT NULL,
    "max_token_lifetime" INTEGER NOT NULL,
    "refresh_tokens" BOOLEAN NOT NULL,
    "user_registration" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "apps_pkey" PRIMARY KEY ("app_id")
);

-- CreateTable
CREATE TABLE "things" (
    "app_id" TEXT NOT NULL,
    "vendor_thing_id" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "things_pkey" PRIMARY KEY ("app_id","vendor_thing_id")
);

-- CreateIndex
CREATE INDEX "client_secrets_client_id_idx" ON "client_secrets"("client_id");

-- CreateIndex
CREATE INDEX "user_identifiers_sub_idx" ON "user_identifiers"("sub");

-- CreateIndex
CREATE INDEX "grants_sub_idx" ON "grants"("sub");

-- CreateIndex
CREATE INDEX "grants_client_id_idx" ON "grants"("client_id");

-- CreateIndex
CREATE INDEX "revoked_tokens_expires_at_idx" ON "revoked_tokens"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "apps_client_id_key" ON "apps"("client_id");

-- AddForeignKey
ALTER TABLE "client_secrets" ADD CONSTRAINT "client_secrets_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_identifiers" ADD CONSTRAINT "user_identifiers_sub_fkey" FOREIGN KEY ("sub") REFERENCES "users"("sub") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grants" ADD CONSTRAINT "grants_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grants" ADD CONSTRAINT "grants_sub_fkey" FOREIGN KEY ("sub") REFERENCES "users"("sub") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "things" ADD CONSTRAINT "things_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "apps"("app_id") ON DELETE CASCADE ON UPDATE CASCADE;


-- What instances cache, they are told of, whoever writes it: this program, a second instance, or an operator's psql.
-- The notification leaves with the commit (src/store/listen.ts).
CREATE FUNCTION jeton_notify() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  id_column text := TG_ARGV[1];
BEGIN
  IF id_column IS NULL THEN
    PERFORM pg_notify('jeton_changed', TG_ARGV[0] || ':');
  ELSE
    PERFORM pg_notify('jeton_changed', TG_ARGV[0] || ':' || (to_jsonb(coalesce(NEW, OLD)) ->> id_column));
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER clients_notify AFTER INSERT OR UPDATE OR DELETE ON clients
  FOR EACH ROW EXECUTE FUNCTION jeton_notify('client', 'client_id');

CREATE TRIGGER client_secrets_notify AFTER INSERT OR UPDATE OR DELETE ON client_secrets
  FOR EACH ROW EXECUTE FUNCTION jeton_notify('client', 'client_id');

CREATE TRIGGER scopes_notify AFTER INSERT OR UPDATE OR DELETE ON scopes
  FOR EACH ROW EXECUTE FUNCTION jeton_notify('scopes');

CREATE TRIGGER signing_keys_notify AFTER INSERT OR UPDATE OR DELETE ON signing_keys
  FOR EACH ROW EXECUTE FUNCTION jeton_notify('keys');

-- When a grant stopped mattering, for the sweep.
CREATE INDEX grants_over ON grants (least(idle_expires_at, absolute_expires_at, ended_at));

-- One next key of each algorithm.
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (alg) WHERE active_from IS NULL;

-- Client ids, device ids and people's subs never mean two things (RFC 9700 section 4.15): all stand in `sub` claims.
CREATE FUNCTION jeton_keep_subjects_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  id text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
  IF TG_TABLE_NAME <> 'clients' AND EXISTS (SELECT 1 FROM clients WHERE client_id = id)
     OR TG_TABLE_NAME <> 'users' AND EXISTS (SELECT 1 FROM users WHERE sub = id)
     OR TG_TABLE_NAME <> 'devices' AND EXISTS (SELECT 1 FROM devices WHERE device_id = id) THEN
    RAISE EXCEPTION 'the identifier is in use' USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER clients_apart BEFORE INSERT ON clients
  FOR EACH ROW EXECUTE FUNCTION jeton_keep_subjects_apart('client_id');
CREATE TRIGGER users_apart BEFORE INSERT ON users
  FOR EACH ROW EXECUTE FUNCTION jeton_keep_subjects_apart('sub');
CREATE TRIGGER devices_apart BEFORE INSERT ON devices
  FOR EACH ROW EXECUTE FUNCTION jeton_keep_subjects_apart('device_id');
