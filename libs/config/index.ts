/**
 * How a deployable gets its settings: a zod schema with default, unit, bounds and doc string for
 * each, filled from defaults < file < environment < flags. Loading collects every violation and
 * throws one fault that lists them all, before anything is opened; the result is frozen. Settings
 * are for the start of a replica; what changes while it runs comes in versioned snapshots.
 */
export { describeSettings, type SettingDescription } from "./describe-settings.ts";
export { didYouMean } from "./did-you-mean.ts";
export { interpolate } from "./interpolate.ts";
export { type ConfigSource, loadConfig } from "./load-config.ts";
export { count, duration, secret, section, size, text, toggle } from "./settings.ts";
export { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";
