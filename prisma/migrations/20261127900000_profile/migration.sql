-- A profile that switches settings of a client on (FAPI 2.0).
ALTER TABLE "clients" ADD COLUMN "profile" TEXT;
