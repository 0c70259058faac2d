/** Time as the message layer needs it. A test passes its own, and moves it. */
export interface Timers {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Calls a function later, once. @returns cancels the call */
  after(milliseconds: number, call: () => void): () => void;
}

/** The timers of the process. They do not keep it alive. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};
