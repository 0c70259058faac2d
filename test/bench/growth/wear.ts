import { refreshLoad } from "./operations.js";
import type { Place } from "./place.js";

/** Refreshes between two lines of progress. */
const STEP = 20_000;

export interface Wear {
  readonly grants: number;
  readonly refreshes: number;
  /** Bytes of `grants` and its indexes, for each of its rows: before the refreshes, and after them. */
  readonly bytes: { readonly before: number; readonly after: number };
  /** Share of the updates that wrote to no index. */
  readonly hot: number;
  readonly requestsPerSecond: number;
  readonly unexpected: number;
  readonly example: string | undefined;
}

/** Weighs the table of the grants before and after many refreshes of the live ones, each in turn. */
export async function measureWear(place: Place, refreshes: number, tell: (what: string) => void): Promise<Wear> {
  await place.start();
  const before = await weigh(place);
  let [done, seconds, unexpected] = [0, 0, 0];
  let example: string | undefined;
  while (done < refreshes) {
    tell(`${done} of ${refreshes} refreshes, ${place.grants} grants`);
    const requests = Math.min(STEP, refreshes - done);
    const result = await place.party.send(refreshLoad(place, place.takeGrants(requests)), { requests, seconds: 300 });
    done += result.answers;
    seconds += result.seconds;
    unexpected += result.unexpected;
    example ??= result.example;
    if (result.answers < requests) throw new Error(`${result.answers} of ${requests} refreshes were answered`);
  }
  await place.stop();
  const after = await weigh(place);
  return {
    grants: place.grants,
    refreshes: done,
    bytes: { before: before.bytes, after: after.bytes },
    hot: (after.hot - before.hot) / (after.all - before.all),
    requestsPerSecond: done / seconds,
    unexpected,
    example,
  };
}

async function weigh({ grants, tables }: Place) {
  return { bytes: (await tables.bytesOf("grants")) / grants, ...(await tables.updates()) };
}
