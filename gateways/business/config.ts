import { managementSettings } from "@tandem/libs/gateway";
import { z } from "zod";

export const configSchema = z.strictObject({ ...managementSettings });

export type Config = z.output<typeof configSchema>;
