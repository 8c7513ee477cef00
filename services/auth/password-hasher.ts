/**
 * Passwords by argon2id with OWASP's parameters (19 MiB, 2 passes): some 25 ms of a CPU each, which
 * makes them a lever for attackers too. So only a few are hashed at once, some wait, and the rest
 * are told to come back; key and session checks never wait behind them.
 */
import { hash, verify } from "@node-rs/argon2";
import { authFaults } from "./faults.ts";

const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
export const passwordLengthMin = 12;
export const passwordLengthMax = 256;

export interface PasswordHasher {
  /** Throws `auth.password_refused` for one that is too short or too long, `auth.sign_in_busy`. */
  hash(password: string): Promise<string>;
  /**
   * Whether it is the password behind the hash. Without a hash it takes as long, and says no: so
   * that time does not tell who exists. Throws `auth.sign_in_busy`.
   */
  isRight(password: string, passwordHash: string | undefined): Promise<boolean>;
}

export function createPasswordHasher(limits: {
  readonly atOnceMax: number;
  readonly waitingMax: number;
}): PasswordHasher {
  const waiting: (() => void)[] = [];
  let running = 0;
  let decoy: Promise<string> | undefined;

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (running >= limits.atOnceMax) {
      if (waiting.length >= limits.waitingMax) {
        throw authFaults.sign_in_busy({ retryAfterMs: 1_000 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      // The place goes to the next one in line, or back.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return {
    hash(password) {
      const { length } = password;
      if (length < passwordLengthMin || length > passwordLengthMax) {
        throw authFaults.password_refused();
      }
      return inTurn(() => hash(normalise(password), options));
    },
    async isRight(password, passwordHash) {
      if (password.length > passwordLengthMax) return false;
      decoy ??= hash("nobody's password", options);
      const decoyHash = await decoy;
      const isSame = await inTurn(() => verify(passwordHash ?? decoyHash, normalise(password)));
      return isSame && passwordHash !== undefined;
    },
  };
}

/** Keyboards differ in how they compose characters; people do not know that (RFC 8265). */
function normalise(password: string): string {
  return password.normalize("NFKC");
}
