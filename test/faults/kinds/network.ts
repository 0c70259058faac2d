import { setTimeout as pause } from "node:timers/promises";
import type { Begun, Fault } from "../fault.js";
import type { Fleet } from "../fleet.js";
import type { Instance } from "../instance.js";
import type { Random } from "../random.js";

/** What happens between an instance and the database. */

const onNetwork =
  (act: (instance: Instance, random: Random) => string | Promise<string>, whom: "one" | "all" = "one") =>
  async ({ instances }: Fleet, random: Random): Promise<Begun> => {
    const met = whom === "all" || random.chance(0.2) ? instances : [random.pick(instances)];
    const whats = [];
    for (const instance of met) whats.push(`${instance.name}: ${await act(instance, random)}`);
    return { what: whats.join(", "), end: async () => met.forEach(({ proxy }) => proxy.pass()) };
  };

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: "network-slow",
    begin: onNetwork(({ proxy }, random) => {
      const [up, down] = [random.between(5, 150), random.between(5, 150)].map(Math.round) as [number, number];
      proxy.delay({ up, down });
      return `${up} ms up, ${down} ms down`;
    }),
  },
  {
    name: "network-slow-one-way",
    begin: onNetwork(({ proxy }, random) => {
      const direction = random.pick(["up", "down"] as const);
      const milliseconds = Math.round(random.between(200, 900));
      proxy.delay({ up: 0, down: 0, [direction]: milliseconds });
      return `${milliseconds} ms ${direction}`;
    }),
  },
  {
    name: "network-reset",
    begin: onNetwork(async ({ proxy }, random) => {
      const times = 1 + random.below(5);
      for (let time = 0; time < times; time += 1) {
        proxy.reset();
        await pause(random.between(0, 300));
      }
      return `${times} times`;
    }),
  },
  {
    name: "network-refused",
    async begin({ instances }, random) {
      const met = random.chance(0.3) ? instances : [random.pick(instances)];
      await Promise.all(met.map(({ proxy }) => proxy.refuse()));
      const end = async () => void (await Promise.all(met.map(({ proxy }) => proxy.listen())));
      return { what: met.map(({ name }) => name).join(", "), end };
    },
  },
  {
    name: "network-half-open",
    begin: onNetwork(({ proxy }) => {
      proxy.halfOpen();
      return "nothing passes";
    }),
  },
  {
    name: "network-stalled",
    begin: onNetwork(({ proxy }, random) => {
      const direction = random.pick(["up", "down"] as const);
      proxy.stall(direction);
      return `nothing goes ${direction}`;
    }),
  },
  {
    name: "network-stutters",
    begin: onNetwork(async ({ proxy }, random) => {
      for (let time = 0; time < 4; time += 1) {
        proxy.stall(random.pick(["up", "down"] as const));
        await pause(random.between(100, 500));
        proxy.pass();
        await pause(random.between(0, 200));
      }
      return "4 short stalls";
    }),
  },
];
