/**
 * What a payer writes on a transfer: short, without letters that look alike, and with a sign that
 * catches a slip of the pen. Made from the order's random part, so it says nothing of the order.
 */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const length = 9;

export function paymentReference(orderId: string): string {
  const digits = orderId.slice(-length).toUpperCase();
  const text = `${digits}${checkSign(digits)}`;
  return `TDM-${text.slice(0, 5)}-${text.slice(5)}`;
}

/**
 * Weighted sum modulo 31, a prime: no single wrong sign and no exchanged neighbours pass, but for 0
 * and Z, which count alike.
 */
function checkSign(digits: string): string {
  let sum = 0;
  for (const [index, digit] of [...digits].entries()) {
    sum += (index + 2) * alphabet.indexOf(digit);
  }
  return alphabet.charAt(sum % 31);
}
