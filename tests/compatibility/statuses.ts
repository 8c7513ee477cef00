/** A `fetch` that notes the statuses of what it fetched, for clients that hide their retries. */
export function notingFetch(): { readonly fetch: typeof fetch; readonly statuses: number[] } {
  const statuses: number[] = [];
  return {
    statuses,
    fetch: async (...given) => {
      const response = await fetch(...given);
      statuses.push(response.status);
      return response;
    },
  };
}
