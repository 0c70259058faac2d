import { setFlagsFromString } from "node:v8";

/**
 * Makes V8 collect garbage early while a large file is read. Otherwise the heap grows to several times the memory in use before
 * the first collection. It costs some speed, so it ends with the work.
 */
export async function inSmallHeap<T>(work: () => Promise<T>): Promise<T> {
  setFlagsFromString("--optimize-for-size");
  try {
    return await work();
  } finally {
    setFlagsFromString("--no-optimize-for-size");
  }
}
