import type { PaymentProvider } from "./provider.ts";

/**
 * Bank transfer and the like: the buyer sees instructions and a reference, finance says when the
 * money is there. Works without any network, and needs no account anywhere.
 */
export function manualProvider({ instructions }: { instructions: string }): PaymentProvider {
  return {
    name: "manual",
    capabilities: { currencies: [], partialRefund: true, isConfirmedByPeople: true },
    async createCheckout({ orderReference }) {
      const text = instructions.replaceAll("{reference}", orderReference);
      return { reference: orderReference, kind: "instructions", url: "", text };
    },
    // Whoever asks for it pays it back by hand; that it was asked for is in the audit log.
    refund: async ({ refundId }) => ({ state: "completed", reference: refundId }),
  };
}
