import { after, before } from "node:test";
import { organisationSuite } from "./operations/organisations.suite.ts";
import { peopleSuite } from "./operations/people.suite.ts";
import { openUsersHouse, type UsersHouse } from "./users-house.suite.ts";

let opened: UsersHouse;

before(async () => {
  opened = await openUsersHouse();
});

after(() => opened.close());

const house = (): UsersHouse => opened;

organisationSuite(house);
peopleSuite(house);
