import { Fault } from "../kernel/index.ts";

/** The reason of the fault that a call ends with; "none" where it ends well. Rethrows all else. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    if (Fault.is(error)) return error.reason;
    throw error;
  }
}
