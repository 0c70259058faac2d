-- A client without a registered method may send its secret in either place. Existing clients keep the one they have.
ALTER TABLE "clients" ALTER COLUMN "token_endpoint_auth_method" DROP NOT NULL,
ADD COLUMN "token_endpoint_auth_methods" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN "assertion_lifetime" INTEGER NOT NULL DEFAULT 300,
ADD COLUMN "id_token_claims" TEXT NOT NULL DEFAULT 'minimal';

-- A method may be null now, so the condition has to treat null as another method.
DROP TRIGGER clients_devices_apart ON clients;
CREATE TRIGGER clients_devices_apart BEFORE UPDATE OF token_endpoint_auth_method ON clients
  FOR EACH ROW
  WHEN ((OLD.token_endpoint_auth_method IS NOT DISTINCT FROM 'device_jwt')
    <> (NEW.token_endpoint_auth_method IS NOT DISTINCT FROM 'device_jwt'))
  EXECUTE FUNCTION jeton_keep_devices_apart();
