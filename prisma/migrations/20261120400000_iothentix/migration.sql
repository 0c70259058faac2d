-- A device is a client (docs/decisions/0010): disabling, revoking, caching and introspection hold for it as for any other.
ALTER TABLE "clients" ADD COLUMN "max_renewals" INTEGER;

CREATE OR REPLACE FUNCTION jeton_keep_subjects_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  id text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
  IF TG_TABLE_NAME <> 'clients' AND EXISTS (SELECT 1 FROM clients WHERE client_id = id)
     OR TG_TABLE_NAME <> 'users' AND EXISTS (SELECT 1 FROM users WHERE sub = id) THEN
    RAISE EXCEPTION 'the identifier is in use' USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NEW;
END
$$;

INSERT INTO clients (
  client_id, token_endpoint_auth_method, jwks, scope, max_renewals, disabled, created_at, updated_at,
  grant_types, dialects, access_token_format, access_token_lifetime,
  refresh_token_lifetime, refresh_token_absolute_lifetime, refresh_token_rotation,
  id_token_signed_response_alg, require_pkce, consent,
  response_types, redirect_uris, post_logout_redirect_uris, web_origins, audiences)
SELECT
  device_id, 'device_jwt', jsonb_build_object('keys', jsonb_build_array(jwk)), scope, max_renewals, disabled,
  created_at, updated_at,
  '{client_credentials}', '{iothentix}', 'opaque', 3599, 1209600, 7776000, true, 'RS256', false, 'explicit',
  '{}', '{}', '{}', '{}', '{}'
FROM devices;

DROP TABLE "devices";

-- What is a client is not made a device by an entry of the same id, nor the other way round.
CREATE FUNCTION jeton_keep_devices_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the identifier is in use' USING ERRCODE = 'unique_violation';
END
$$;

CREATE TRIGGER clients_devices_apart BEFORE UPDATE OF token_endpoint_auth_method ON clients
  FOR EACH ROW
  WHEN ((OLD.token_endpoint_auth_method = 'device_jwt') <> (NEW.token_endpoint_auth_method = 'device_jwt'))
  EXECUTE FUNCTION jeton_keep_devices_apart();

-- Which JWTs of devices were used, for ever: they have no expiry. Half of a keyed hash of device and jti, and nothing
-- beside it, because these rows are never swept.
CREATE TABLE "device_jtis" (
    "hash" BYTEA NOT NULL,
    CONSTRAINT "device_jtis_pkey" PRIMARY KEY ("hash")
);

-- Which client used which dialect, when last and how often: at most one row for each pair.
CREATE TABLE "dialect_usage" (
    "client_id" TEXT NOT NULL,
    "dialect" TEXT NOT NULL,
    "uses" BIGINT NOT NULL,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "dialect_usage_pkey" PRIMARY KEY ("client_id","dialect")
);
ALTER TABLE "dialect_usage" ADD CONSTRAINT "dialect_usage_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;
