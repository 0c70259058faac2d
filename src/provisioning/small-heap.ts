import { setFlagsFromString } from "node:v8";

/**
 * Has the engine collect garbage early while something large is read. Without it the heap grows to several times of what is in
 * use before the first collection. It costs some speed, so it ends with the work.
 */
export async function inSmallHeap<T>(work: () => Promise<T>): Promise<T> {
  setFlagsFromString("--optimize-for-size");
  try {
    return await work();
  } finally {
    setFlagsFromString("--no-optimize-for-size");
  }
}
