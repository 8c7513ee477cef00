/**
 * A router in a process of its own, so that a test can tell its memory and its processor time from
 * those of the attacker. Says its port, and ends with its starter.
 */
import { heldDoor, startRouter } from "./test-router.ts";

const held = heldDoor();
const router = await startRouter({ inheritedDescriptor: held.descriptor });
for (const name of ["ai-1", "ai-2"]) {
  const gateway = router.gateway(name);
  const plain = gateway.handle;
  gateway.handle = (exchange) => {
    if (exchange.head.path !== "/v1/endless") return plain(exchange);
    const block = Buffer.alloc(16_384, "x");
    const fill = (): void => {
      while (exchange.write(block));
      exchange.onDrain(fill);
    };
    exchange.startStream(200, []);
    fill();
  };
}
process.once("disconnect", () => {
  void router.close().then(() => process.exit(0));
});
process.send?.(held.port);
