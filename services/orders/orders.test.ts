import { after, before } from "node:test";
import { productSuite } from "./operations/products.suite.ts";
import { type OrdersHouse, openOrdersHouse } from "./orders-house.suite.ts";

let opened: OrdersHouse;

before(async () => {
  opened = await openOrdersHouse();
});

after(() => opened.close());

const house = (): OrdersHouse => opened;

productSuite(house);
