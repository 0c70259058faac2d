-- When instances were in service, and the last outage: what was superseded in one may be asked again after it.
CREATE TABLE "availability" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "alive_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "availability_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "outage" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "began_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "outage_pkey" PRIMARY KEY ("id")
);

-- When each of the last generations of a refresh token was superseded. Of a row that is there only the last is known, and
-- what was superseded an hour ago is beyond every window.
ALTER TABLE "grants" ADD COLUMN "rotations" TIMESTAMPTZ(3)[];
UPDATE "grants" SET "rotations" = ARRAY["rotated_at"] WHERE "rotated_at" > now() - interval '1 hour';
ALTER TABLE "grants" DROP COLUMN "rotated_at";
