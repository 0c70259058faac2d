/** The algorithms of FAPI 2.0 (Security Profile section 5.4.1); RFC 9864 also calls EdDSA on Ed25519 by its second name. */
const FAPI2_ALGORITHMS: readonly string[] = ["PS256", "ES256", "EdDSA", "Ed25519"];

/** Whether the profile allows signatures by this algorithm. */
export function isFapi2Algorithm(alg: string): boolean {
  return FAPI2_ALGORITHMS.includes(alg);
}

/** The algorithms by which a client may sign: under the profile, those of it. */
export function algorithmsUnder(
  { profile }: { readonly profile: "fapi2" | null },
  algorithms: readonly string[],
): readonly string[] {
  return profile === null ? algorithms : algorithms.filter(isFapi2Algorithm);
}
