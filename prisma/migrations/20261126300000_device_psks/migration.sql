-- A device can secure its DTLS session with a pre-shared key (docs/decisions/0021).
CREATE TABLE "device_psks" (
  "device_id" TEXT NOT NULL,
  "identity" BYTEA NOT NULL,
  "sealed" BYTEA NOT NULL,

  CONSTRAINT "device_psks_pkey" PRIMARY KEY ("device_id")
);

CREATE UNIQUE INDEX "device_psks_identity_key" ON "device_psks"("identity");

ALTER TABLE "device_psks" ADD CONSTRAINT "device_psks_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE CASCADE;
