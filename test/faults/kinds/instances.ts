import type { Begun, Fault } from "../fault.js";
import type { Fleet } from "../fleet.js";
import type { Instance } from "../instance.js";
import type { Random } from "../random.js";

/** What happens to the processes of the fleet. */

const MINUTE = 60_000;

const restarted = (what: string, instance: Instance, wrong?: string): Begun => ({
  what,
  end: async () => (await instance.start(), wrong),
});

const withClock =
  (offset: (random: Random) => number) =>
  async ({ instances }: Fleet, random: Random): Promise<Begun> => {
    const instance = random.pick(instances);
    const milliseconds = Math.round(offset(random));
    await instance.shiftClock(milliseconds);
    return { what: `${instance.name} by ${milliseconds / 1000} s`, end: () => instance.shiftClock(0) };
  };

export const INSTANCE_FAULTS: readonly Fault[] = [
  {
    name: "instance-killed",
    async begin({ instances }, random) {
      const instance = random.pick(instances);
      await instance.kill();
      return restarted(`${instance.name}, kill -9`, instance);
    },
  },
  {
    name: "instance-stopped",
    async begin({ instances }, random) {
      const instance = random.pick(instances);
      const code = await instance.stop();
      return restarted(`${instance.name}, SIGTERM`, instance, code === 0 ? undefined : `it ended with ${code}`);
    },
  },
  {
    name: "instance-stopped-half-open",
    lasts: 0.1,
    async begin({ instances }, random) {
      const instance = random.pick(instances);
      instance.proxy.halfOpen();
      const code = await instance.stop();
      instance.proxy.pass();
      return restarted(`${instance.name}, SIGTERM`, instance, code === 0 ? undefined : `it ended with ${code}`);
    },
  },
  {
    name: "instance-frozen",
    async begin({ instances }, random) {
      const instance = random.pick(instances);
      const goOn = instance.freeze();
      return { what: `${instance.name}, SIGSTOP`, end: async () => goOn() };
    },
  },
  { name: "clock-ahead", begin: withClock((random) => random.between(MINUTE, 20 * MINUTE)) },
  { name: "clock-behind", begin: withClock((random) => -random.between(MINUTE, 20 * MINUTE)) },
];
