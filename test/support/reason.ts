/** The reason of a failure, with the library's own words; an empty object where it does not fail. */
export async function reason(
  work: () => unknown,
): Promise<{ readonly error?: string; readonly status?: number; readonly message?: string; readonly cause?: unknown }> {
  try {
    await work();
    return {};
  } catch (error) {
    return error as Error;
  }
}
