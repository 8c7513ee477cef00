/** Reads many keys at once; their values in the same order. */
export type ReadMany = (keys: readonly string[]) => Promise<readonly (Buffer | null)[]>;

interface Waiting {
  readonly key: string;
  readonly resolve: (value: Buffer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** More in one command would keep the server from others. */
const keysMax = 100;

/**
 * Sends the reads of one turn of the event loop together: a command costs far more than a key in
 * it. Keys of different tenants are not mixed, for in a cluster they may live on
 * different machines.
 */
export class ReadBatch {
  readonly #readMany: ReadMany;
  #byTenant = new Map<string, Waiting[]>();

  constructor(readMany: ReadMany) {
    this.#readMany = readMany;
  }

  get(key: string): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#byTenant.size === 0) setImmediate(() => this.#send());
      const tenant = tenantOf(key);
      const group = this.#byTenant.get(tenant);
      if (group === undefined) this.#byTenant.set(tenant, [{ key, resolve, reject }]);
      else group.push({ key, resolve, reject });
    });
  }

  #send(): void {
    const groups = this.#byTenant;
    this.#byTenant = new Map();
    for (const group of groups.values()) {
      for (let from = 0; from < group.length; from += keysMax) {
        this.#sendGroup(group.slice(from, from + keysMax));
      }
    }
  }

  #sendGroup(group: readonly Waiting[]): void {
    this.#readMany(group.map(({ key }) => key)).then(
      (values) => {
        for (const [index, { resolve }] of group.entries()) resolve(values[index] ?? undefined);
      },
      (error: unknown) => {
        for (const { reject } of group) reject(error);
      },
    );
  }
}

/** What decides where a key lives: what stands in its first braces, or all of it. */
export function tenantOf(key: string): string {
  const start = key.indexOf("{");
  const end = start < 0 ? -1 : key.indexOf("}", start + 1);
  return end > start + 1 ? key.slice(start + 1, end) : key;
}
