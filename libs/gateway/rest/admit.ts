import { nobody } from "./caller.ts";
import { restFaults } from "./rest-faults.ts";
import { permissionsFor } from "./route.ts";
import type { RestPhase } from "./work.ts";

/** Who is it? Throws `rest.unauthenticated`, and what the gateway's own check throws. */
export const authenticate: RestPhase = {
  name: "authenticate",
  async run(work) {
    if (work.route.access === "public") return;
    const caller = await work.parts.authenticate(work.arrival);
    if (caller === undefined) throw restFaults.unauthenticated();
    work.caller = caller;
    if (caller.isDegraded) work.marks.add("identity");
  },
};

/**
 * May they? Throws `rest.permission_missing`, or `rest.not_found` where even the existence of the
 * thing is not theirs to know: the same answer, to the byte, as for a thing that is not there.
 */
export const authorise: RestPhase = {
  name: "authorise",
  run(work) {
    const { access } = work.route;
    if (typeof access === "string") return;
    const { permissions } = work.caller;
    const wanted = permissionsFor(work.route);
    if (wanted.some((name) => permissions.has(name))) return;
    if (access.visibleWith !== undefined && !permissions.has(access.visibleWith)) {
      throw restFaults.not_found();
    }
    throw restFaults.permission_missing({
      detail: `${work.caller.actor || nobody.via} lacks ${wanted.join(" or ")}`,
    });
  },
};
