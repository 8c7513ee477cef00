/** The management plane's OpenAPI 3.1 document. */
export declare const managementApi: Readonly<Record<string, unknown>>;
