-- What an app of Kii Cloud may do besides. Existing apps may not.
ALTER TABLE "apps" ADD COLUMN "thing_registration" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN "user_lookup" BOOLEAN NOT NULL DEFAULT false;
