/** Datagrams that may be broken anywhere, the same ones for the same seed. */
export function* fuzzDatagrams(seed: number, count: number): Generator<Buffer> {
  const next = numbers(seed);
  const pick = (limit: number) => next() % limit;
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => pick(256)));
  for (let index = 0; index < count; index += 1) {
    const kind = pick(4);
    if (kind === 0) yield bytes(pick(40));
    else if (kind === 1)
      yield Buffer.concat([Buffer.from([0x40 | pick(64), pick(256), pick(256), pick(256)]), bytes(pick(60))]);
    else yield damage(request(pick, bytes), pick);
  }
}

/** A request as a client may send it: a short path, some options, and a body. */
function request(pick: (limit: number) => number, bytes: (length: number) => Buffer): Buffer {
  const header = Buffer.from([pick(2) === 0 ? 0x41 : 0x51, 1 + pick(7), pick(256), pick(256), 7]);
  const options = [Buffer.from([0xb1, 0x72])];
  if (pick(2) === 0) options.push(Buffer.from([0x11, pick(80)]));
  if (pick(3) === 0) options.push(Buffer.from([0xd1, pick(8), pick(256)]));
  if (pick(3) === 0) options.push(Buffer.concat([Buffer.from([0x42]), bytes(2)]));
  return Buffer.concat([header, ...options, Buffer.from([0xff]), bytes(1 + pick(64))]);
}

/** Changes, cuts or leaves a datagram. */
function damage(datagram: Buffer, pick: (limit: number) => number): Buffer {
  for (let changes = pick(3); changes > 0; changes -= 1) datagram[pick(datagram.length)] = pick(256);
  return pick(4) === 0 ? datagram.subarray(0, pick(datagram.length)) : datagram;
}

/** Numbers below 2^31 that look random (a linear congruential generator). */
function numbers(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n);
  };
}
