import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/**
 * A way to a database that can be made bad: it delays, resets, stalls, or is half open. `up` is what goes to the
 * database, `down` is what comes from it.
 */
export type Direction = "up" | "down";

type Piece = Buffer | "end" | "reset";

/** One direction of one connection: pieces leave in the order in which they came. */
class Pump {
  readonly #queue: { readonly piece: Piece; readonly due: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly target: Socket,
    private readonly weather: () => { readonly held: boolean; readonly delay: number },
  ) {}

  push(piece: Piece): void {
    this.#queue.push({ piece, due: performance.now() + this.weather().delay });
    this.flush();
  }

  flush(): void {
    clearTimeout(this.#timer);
    while (this.#queue.length > 0 && !this.weather().held) {
      const wait = this.#queue[0]!.due - performance.now();
      if (wait > 0) return void (this.#timer = setTimeout(() => this.flush(), wait));
      this.#deliver(this.#queue.shift()!.piece);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #deliver(piece: Piece): void {
    if (this.target.destroyed) return;
    if (piece === "end") this.target.end();
    else if (piece === "reset") this.target.resetAndDestroy();
    else this.target.write(piece);
  }
}

class Connection {
  readonly #up: Pump;
  readonly #down: Pump;
  readonly #far: Socket;
  /** Nothing passes any more, and neither side is told. */
  #dead = false;

  constructor(
    private readonly near: Socket,
    target: { readonly host: string; readonly port: number },
    proxy: Proxy,
    ended: (connection: Connection) => void,
  ) {
    this.#far = connect({ ...target, allowHalfOpen: true });
    this.#up = new Pump(this.#far, () => proxy.weather("up"));
    this.#down = new Pump(near, () => proxy.weather("down"));
    this.#join(near, this.#up);
    this.#join(this.#far, this.#down);
    near.once("close", () => {
      // What is still on its way arrives, as it does in a network whose sender has gone.
      if (this.#dead) this.#far.destroy();
      ended(this);
    });
  }

  #join(from: Socket, pump: Pump): void {
    from.setNoDelay(true);
    from.on("data", (chunk) => (this.#dead ? undefined : pump.push(chunk)));
    from.on("end", () => (this.#dead ? undefined : pump.push("end")));
    from.on("error", () => (this.#dead ? undefined : pump.push("reset")));
    from.on("close", () => (this.#dead ? undefined : pump.push("end")));
  }

  flush(): void {
    this.#up.flush();
    this.#down.flush();
  }

  die(): void {
    this.#dead = true;
    this.#up.stop();
    this.#down.stop();
  }

  reset(): void {
    this.die();
    this.near.resetAndDestroy();
    this.#far.destroy();
  }
}

export class Proxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #held: Record<Direction, boolean> = { up: false, down: false };
  #delay: Record<Direction, number> = { up: 0, down: 0 };
  #halfOpen = false;
  #port = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  /** Listens before a database; everything passes. */
  static async open(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.listen();
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  /** The same connection string, led through this proxy. */
  lead(database: string): string {
    const url = new URL(database);
    url.host = `127.0.0.1:${this.#port}`;
    return url.href;
  }

  weather(direction: Direction): { readonly held: boolean; readonly delay: number } {
    return { held: this.#held[direction] || this.#halfOpen, delay: this.#delay[direction] };
  }

  /** Everything passes again, and what was held goes on. What became half open stays so for ever. */
  pass(): void {
    if (this.#halfOpen) for (const connection of this.#connections) connection.die();
    this.#held = { up: false, down: false };
    this.#delay = { up: 0, down: 0 };
    this.#halfOpen = false;
    for (const connection of this.#connections) connection.flush();
  }

  /** @param milliseconds for each piece, in each direction */
  delay(milliseconds: Readonly<Record<Direction, number>>): void {
    this.#delay = { ...milliseconds };
  }

  /** Holds everything that goes in one direction; `pass` lets it go on. */
  stall(direction: Direction): void {
    this.#held[direction] = true;
  }

  /** Accepts connections and passes nothing, on the old connections and on new ones. */
  halfOpen(): void {
    this.#halfOpen = true;
  }

  /** Ends every connection by a reset. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Refuses connections, and resets those that there are. */
  async refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.reset();
    await closed;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(this.#port, "127.0.0.1", () => resolve());
    });
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse();
  }

  #accept(near: Socket): void {
    const connection = new Connection(near, this.#target, this, (ended) => this.#connections.delete(ended));
    this.#connections.add(connection);
  }
}
