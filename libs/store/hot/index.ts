/** The hot store: what is shared, short-lived and fast (limits, leases, caches, messages). */
export {
  type HotChange,
  type HotDemand,
  type HotEntry,
  type HotStore,
  type HotSubscription,
  hotKey,
  type MessageHandlers,
  type TakeResult,
  type TimeToLive,
} from "./hot-store.ts";
export {
  type HotStoreOptions,
  hotStorePort,
  loadHotStores,
  openHotStore,
} from "./open-hot-store.ts";
