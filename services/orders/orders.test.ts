import { after, before } from "node:test";
import { orderSuite } from "./operations/orders.suite.ts";
import { paymentSuite } from "./operations/payments.suite.ts";
import { productSuite } from "./operations/products.suite.ts";
import { refundSuite } from "./operations/refunds.suite.ts";
import { statementSuite } from "./operations/statements.suite.ts";
import { type OrdersHouse, openOrdersHouse } from "./orders-house.suite.ts";

let opened: OrdersHouse;

before(async () => {
  opened = await openOrdersHouse({ payments: { approvalAbove: "100" } });
});

after(() => opened.close());

const house = (): OrdersHouse => opened;

orderSuite(house);
paymentSuite(house);
refundSuite(house);
statementSuite(house);
productSuite(house);
