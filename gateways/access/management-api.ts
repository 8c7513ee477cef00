import { managementApi } from "@tandem/contracts/http/management";

/**
 * The OpenAPI document of the whole management plane, of all gateways: written from their routes by
 * the generator, whose check fails when it is not what they serve.
 */
export function readManagementApi(): Readonly<Record<string, unknown>> {
  return managementApi;
}
