import { after, before } from "node:test";
import { type ArticlesHouse, openArticlesHouse } from "./articles-house.suite.ts";
import { articleSuite } from "./operations/articles.suite.ts";
import { attachmentSuite } from "./operations/attachments.suite.ts";
import { importSuite } from "./operations/import.suite.ts";
import { rulesSuite } from "./operations/rules.suite.ts";
import { searchSuite } from "./operations/search.suite.ts";
import { tenantSuite } from "./operations/tenants.suite.ts";

let opened: ArticlesHouse;

before(async () => {
  opened = await openArticlesHouse();
});

after(() => opened.close());

const house = (): ArticlesHouse => opened;

articleSuite(house);
attachmentSuite(house);
importSuite(house);
rulesSuite(house);
searchSuite(house);
tenantSuite(house);
