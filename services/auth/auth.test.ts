import { after, before } from "node:test";
import { type AuthHouse, openAuthHouse } from "./auth-house.suite.ts";
import { auditSuite } from "./operations/audit.suite.ts";
import { keySuite } from "./operations/keys.suite.ts";
import { revocationSuite } from "./operations/revocations.suite.ts";
import { roleSuite } from "./operations/roles.suite.ts";
import { sessionSuite } from "./operations/sessions.suite.ts";
import { setupSuite } from "./operations/setup.suite.ts";

let opened: AuthHouse;

before(async () => {
  opened = await openAuthHouse();
});

after(() => opened.close());

const house = (): AuthHouse => opened;

// In this order: setup makes the owner, the log at the end has what all the others did.
setupSuite(house);
keySuite(house);
sessionSuite(house);
roleSuite(house);
revocationSuite(house);
auditSuite(house);
