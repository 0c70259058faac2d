/** Where a datagram came from. */
export interface Endpoint {
  /** As the socket wrote it. */
  readonly address: string;
  readonly port: number;
  /** The network of the address, by which limits count. */
  readonly network: string;
}

/** Names an endpoint among all. */
export function nameOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
