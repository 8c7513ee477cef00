import { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { type Implementation, implement } from "@tandem/libs/rpc";
import { approvePayment } from "./operations/approve-payment.ts";
import { cancelOrder } from "./operations/cancel-order.ts";
import { confirmPayment } from "./operations/confirm-payment.ts";
import { createOrder } from "./operations/create-order.ts";
import { createProduct } from "./operations/create-product.ts";
import { getOrder } from "./operations/get-order.ts";
import { getProduct } from "./operations/get-product.ts";
import { getStatement } from "./operations/get-statement.ts";
import { inspectOrder } from "./operations/inspect-order.ts";
import { listDiscrepancies } from "./operations/list-discrepancies.ts";
import { listOrders } from "./operations/list-orders.ts";
import { listPayments } from "./operations/list-payments.ts";
import { listProductVersions } from "./operations/list-product-versions.ts";
import { listProducts } from "./operations/list-products.ts";
import { listRefunds } from "./operations/list-refunds.ts";
import { listWaitingOrders } from "./operations/list-waiting-orders.ts";
import { receivePaymentEvent } from "./operations/receive-payment-event.ts";
import { refundOrder } from "./operations/refund-order.ts";
import { renderStatement } from "./operations/render-statement.ts";
import { startPayment } from "./operations/start-payment.ts";
import { updateProduct } from "./operations/update-product.ts";
import type { OrdersParts } from "./parts.ts";

/** The contract's operations, each bound to the parts it works with. */
export function buildHandlers(parts: OrdersParts): Implementation {
  return implement(OrdersService, {
    createProduct: (request, context) => createProduct(parts, request, context),
    updateProduct: (request, context) => updateProduct(parts, request, context),
    getProduct: (request, context) => getProduct(parts, request, context),
    listProducts: (request, context) => listProducts(parts, request, context),
    listProductVersions: (request, context) => listProductVersions(parts, request, context),
    createOrder: (request, context) => createOrder(parts, request, context),
    getOrder: (request, context) => getOrder(parts, request, context),
    listOrders: (request, context) => listOrders(parts, request, context),
    cancelOrder: (request, context) => cancelOrder(parts, request, context),
    startPayment: (request, context) => startPayment(parts, request, context),
    confirmPayment: (request, context) => confirmPayment(parts, request, context),
    approvePayment: (request, context) => approvePayment(parts, request, context),
    listPayments: (request, context) => listPayments(parts, request, context),
    receivePaymentEvent: (request, context) => receivePaymentEvent(parts, request, context),
    refundOrder: (request, context) => refundOrder(parts, request, context),
    listRefunds: (request, context) => listRefunds(parts, request, context),
    listWaitingOrders: (request, context) => listWaitingOrders(parts, request, context),
    inspectOrder: (request, context) => inspectOrder(parts, request, context),
    listDiscrepancies: (request, context) => listDiscrepancies(parts, request, context),
    getStatement: (request, context) => getStatement(parts, request, context),
    renderStatement: (request, context) => renderStatement(parts, request, context),
  });
}
