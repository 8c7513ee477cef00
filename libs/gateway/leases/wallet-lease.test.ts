import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type WalletAnswer, type WalletCall, WalletLease } from "./wallet-lease.ts";

const plenty: WalletAnswer = {
  grantedNanos: 100n,
  validMs: 5_000,
  isSuperseded: false,
  isScarce: false,
};

function opened(answer: Partial<WalletAnswer> = {}): WalletLease {
  const lease = new WalletLease("lse_1");
  const call = lease.call(0, { neededNanos: 10n, leastNanos: 10n });
  assert.ok(call !== undefined);
  lease.answered(call.number, { ...plenty, ...answer });
  return lease;
}

const nothing = { neededNanos: 0n, leastNanos: 0n };

test("a reservation is carved only from what is free, while the answer is valid", () => {
  const lease = opened();
  assert.ok(lease.carve(60n, 0));
  assert.ok(!lease.carve(41n, 0));
  assert.ok(lease.carve(40n, 4_999));
  lease.finish(40n, 5n);
  assert.ok(!lease.carve(1n, 5_000), "counted from when the call was made");
  assert.equal(lease.freeNanos, 35n);
  assert.equal(lease.carvedNanos, 65n);
});

test("a call is repeated with its number until it is answered, and its answer counts once", () => {
  const lease = opened();
  const call = lease.call(10, { neededNanos: 5n, leastNanos: 5n });
  assert.equal(call?.number, 2n);
  assert.equal(lease.call(20, { neededNanos: 900n, leastNanos: 900n }), call);
  lease.answered(1n, plenty);
  assert.ok(lease.isCalling, "an old answer is not the answer");
  lease.answered(2n, plenty);
  lease.answered(2n, plenty);
  assert.equal(lease.freeNanos, 200n);
});

test("a charge stays carved until quota has it in the ledger", () => {
  const lease = opened();
  lease.carve(50n, 0);
  lease.finish(50n, 20n);
  assert.equal(lease.carvedNanos, 20n);
  lease.acknowledge(20n);
  assert.equal(lease.carvedNanos, 0n);
  assert.equal(lease.freeNanos, 80n);
});

test("a low stock or half its life makes a lease want a call, and only one", () => {
  const lease = opened();
  assert.ok(!lease.wantsRefill(0));
  lease.carve(51n, 0);
  assert.ok(lease.wantsRefill(0));
  lease.call(0, { neededNanos: 1n, leastNanos: 1n });
  assert.ok(!lease.wantsRefill(0));
  const old = opened();
  assert.ok(!old.wantsRefill(2_499));
  assert.ok(old.wantsRefill(2_500));
  const lasting = opened({ validMs: 90_000 });
  assert.ok(lasting.wantsRefill(2_500), "changes are heard of as soon, however long it is valid");
  assert.ok(lasting.carve(10n, 89_999), "and an outage is outlived");
});

test("while money is scarce nothing is kept in stock", () => {
  const lease = opened({ isScarce: true });
  lease.carve(60n, 0);
  assert.ok(!lease.wantsRefill(0), "a small stock is no reason for a call then");
  const call = lease.call(0, nothing);
  assert.equal(call?.returnedNanos, 40n);
  assert.equal(call.ceilingNanos, 60n);
  assert.ok(!lease.carve(1n, 0), "what is on its way back cannot be carved");
});

test("a superseded lease carves no more, gives its rest back and closes when all is settled", () => {
  const lease = opened({ isSuperseded: true });
  assert.equal(lease.state, "ending");
  assert.ok(!lease.carve(1n, 0));
  assert.ok(lease.wantsReturn);
  const call = lease.call(0, { neededNanos: 7n, leastNanos: 7n });
  assert.deepEqual([call?.neededNanos, call?.returnedNanos], [0n, 100n]);
  lease.answered(2n, { ...plenty, grantedNanos: 0n, isSuperseded: true });
  assert.equal(lease.state, "closed");
  assert.equal(lease.call(0, nothing), undefined);
});

test("a lease at rest has given everything back and comes alive with its next grant", () => {
  const lease = opened();
  const call = lease.callToRest(100);
  assert.deepEqual([call?.returnedNanos, call?.ceilingNanos], [100n, 0n]);
  assert.ok(!lease.canCarveAt(100));
  lease.answered(2n, { ...plenty, grantedNanos: 0n });
  const next = lease.call(200, { neededNanos: 3n, leastNanos: 3n });
  lease.answered(next?.number ?? 0n, plenty);
  assert.ok(lease.carve(100n, 200));
});

/** Quota as its contract has it: a wallet, leases by name, calls by number, charges by id. */
class WalletModel {
  availableNanos: bigint;
  spentNanos = 0n;
  readonly leases = new Map<string, { held: bigint; last: bigint; answer: WalletAnswer }>();
  readonly settled = new Set<string>();
  readonly ended = new Set<string>();

  constructor(total: bigint) {
    this.availableNanos = total;
  }

  lease(call: WalletCall): WalletAnswer {
    const known = this.leases.get(call.leaseId) ?? { held: 0n, last: 0n, answer: plenty };
    if (call.number <= known.last) return known.answer;
    const uncarved = known.held > call.carvedNanos ? known.held - call.carvedNanos : 0n;
    const beyond = known.held > call.keptNanos ? known.held - call.keptNanos : 0n;
    const released = beyond < uncarved ? beyond : uncarved;
    const isSuperseded = this.ended.has(call.leaseId);
    this.availableNanos += released;
    const wanted = isSuperseded ? 0n : call.neededNanos;
    const room = this.availableNanos;
    const granted = wanted <= room ? wanted : room >= call.leastNanos ? room : 0n;
    const extra = granted === 0n || room < wanted * 20n ? 0n : room / 100n;
    this.availableNanos -= granted + extra;
    const answer = {
      grantedNanos: granted + extra,
      validMs: 5_000,
      isSuperseded,
      isScarce: room < wanted * 20n,
    };
    this.leases.set(call.leaseId, {
      held: known.held - released + granted + extra,
      last: call.number,
      answer,
    });
    return answer;
  }

  settle(id: string, leaseId: string, nanos: bigint): void {
    if (this.settled.has(id)) return;
    this.settled.add(id);
    const lease = this.leases.get(leaseId);
    assert.ok(lease !== undefined && lease.held >= nanos, "a charge is covered by what is held");
    lease.held -= nanos;
    this.spentNanos += nanos;
  }

  get heldNanos(): bigint {
    let sum = 0n;
    for (const { held } of this.leases.values()) sum += held;
    return sum;
  }
}

interface Holder {
  lease: WalletLease;
  readonly open: { readonly id: string; readonly lease: WalletLease; readonly reserved: bigint }[];
  readonly journal: { readonly id: string; readonly lease: WalletLease; readonly nanos: bigint }[];
}

interface Step {
  readonly nanos: bigint;
  readonly share: number;
}

/** Three holders of one wallet, and everything that can happen to them. */
class WalletPlay {
  readonly model: WalletModel;
  readonly holders: readonly Holder[];
  #names = 0;
  #nowMs = 0;

  constructor(total: bigint) {
    this.model = new WalletModel(total);
    this.holders = [0, 1, 2].map(() => ({ lease: this.#freshLease(), open: [], journal: [] }));
  }

  #freshLease(): WalletLease {
    this.#names += 1;
    return new WalletLease(`lse_${this.#names}`);
  }

  carve({ lease, open }: Holder, { nanos }: Step): void {
    if (!lease.carve(nanos, this.#nowMs)) return;
    this.#names += 1;
    open.push({ id: `req_${this.#names}`, lease, reserved: nanos });
  }

  finish({ open, journal }: Holder, { share }: Step): void {
    const request = open.shift();
    if (request === undefined) return;
    const charged = (request.reserved * BigInt(share)) / 100n;
    request.lease.finish(request.reserved, charged);
    journal.push({ id: request.id, lease: request.lease, nanos: charged });
  }

  call(holder: Holder, { nanos, share }: Step): void {
    const { lease } = holder;
    const call = lease.call(this.#nowMs, { neededNanos: nanos, leastNanos: nanos });
    if (call !== undefined) {
      const answer = this.model.lease(call);
      const isDoubled = share % 3 === 0;
      const isLost = share % 3 === 1;
      if (isDoubled) lease.answered(call.number, this.model.lease(call));
      if (!isLost) lease.answered(call.number, answer);
    }
    if (lease.state === "closed") holder.lease = this.#freshLease();
  }

  rest({ lease }: Holder): void {
    const call = lease.callToRest(this.#nowMs);
    if (call !== undefined) lease.answered(call.number, this.model.lease(call));
  }

  settle({ journal }: Holder, { share }: Step): void {
    const entry = journal[0];
    if (entry === undefined) return;
    this.model.settle(entry.id, entry.lease.id, entry.nanos);
    const isAnswerLost = share % 2 === 0;
    if (isAnswerLost) return;
    journal.shift();
    entry.lease.acknowledge(entry.nanos);
  }

  supersede({ lease }: Holder): void {
    this.model.ended.add(lease.id);
  }

  /** The journal survives; what was under way is lost, and stays held until it times out. */
  kill(holder: Holder): void {
    holder.open.length = 0;
    holder.lease = this.#freshLease();
  }

  wait(_: Holder, { share }: Step): void {
    this.#nowMs += share * 60;
  }

  check(total: bigint): void {
    const { model } = this;
    for (const { lease, journal } of this.holders) {
      let held = model.leases.get(lease.id)?.held ?? 0n;
      // Settled, while its acknowledgement was lost: carved here, spent there.
      for (const entry of journal) {
        if (entry.lease === lease && model.settled.has(entry.id)) held += entry.nanos;
      }
      assert.ok(held >= lease.freeNanos + lease.carvedNanos, "quota holds what may be spent");
      assert.ok(lease.freeNanos >= 0n && lease.carvedNanos >= 0n);
    }
    assert.ok(model.availableNanos >= 0n);
    assert.equal(model.availableNanos + model.heldNanos + model.spentNanos, total);
  }
}

const anyStep = fc.record({
  holder: fc.nat(2),
  act: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom("carve", "finish", "call", "settle") },
    { weight: 1, arbitrary: fc.constantFrom("supersede", "kill", "rest", "wait") },
  ),
  nanos: fc.bigInt(1n, 60n),
  share: fc.nat(100),
});

test("whatever is lost, doubled or killed, all holders together never spend more than the wallet", () => {
  let spent = 0n;
  const steps = fc.array(anyStep, { minLength: 30, maxLength: 150, size: "max" });
  fc.assert(
    fc.property(steps, fc.bigInt(50n, 400n), (taken, total) => {
      const play = new WalletPlay(total);
      for (const { holder: index, act, ...step } of taken) {
        const holder = play.holders[index];
        assert.ok(holder !== undefined);
        play[act](holder, step);
        play.check(total);
      }
      spent += play.model.spentNanos;
    }),
    { numRuns: 1_000 },
  );
  assert.ok(spent > 10_000n, "the play does spend money");
});
