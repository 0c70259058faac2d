-- Applications become clients and things accounts. Until now they were only stored, so they are written anew, from the
-- provisioning file.
DELETE FROM "provisioned_entries" WHERE "kind" IN ('apps', 'things');
DELETE FROM "apps";

-- AlterTable
ALTER TABLE "apps" DROP COLUMN "app_key_hash",
DROP COLUMN "client_secret_hash",
DROP COLUMN "refresh_tokens";

-- AlterTable
ALTER TABLE "things" DROP COLUMN "password_hash",
ADD COLUMN     "sub" TEXT NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX "things_sub_key" ON "things"("sub");

-- AddForeignKey
ALTER TABLE "apps" ADD CONSTRAINT "apps_app_id_fkey" FOREIGN KEY ("app_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "apps" ADD CONSTRAINT "apps_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "things" ADD CONSTRAINT "things_sub_fkey" FOREIGN KEY ("sub") REFERENCES "users"("sub") ON DELETE CASCADE ON UPDATE CASCADE;

-- What is done to an app is done to its administrator, whoever does it: switching it off or on, and ending everything.
CREATE FUNCTION jeton_administrator_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE clients c SET disabled = NEW.disabled, token_epoch = c.token_epoch + NEW.token_epoch - OLD.token_epoch
  FROM apps a WHERE a.app_id = NEW.client_id AND c.client_id = a.client_id;
  RETURN NULL;
END
$$;

CREATE TRIGGER clients_administrator AFTER UPDATE OF disabled, token_epoch ON clients
  FOR EACH ROW WHEN (NEW.disabled <> OLD.disabled OR NEW.token_epoch <> OLD.token_epoch)
  EXECUTE FUNCTION jeton_administrator_follows();

-- Nothing of an app or a thing is left when it is gone.
CREATE FUNCTION jeton_app_goes_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM clients WHERE client_id IN (OLD.app_id, OLD.client_id);
  RETURN NULL;
END
$$;

CREATE TRIGGER apps_whole AFTER DELETE ON apps FOR EACH ROW EXECUTE FUNCTION jeton_app_goes_whole();

CREATE FUNCTION jeton_thing_goes_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM users WHERE sub = OLD.sub;
  RETURN NULL;
END
$$;

CREATE TRIGGER things_whole AFTER DELETE ON things FOR EACH ROW EXECUTE FUNCTION jeton_thing_goes_whole();
