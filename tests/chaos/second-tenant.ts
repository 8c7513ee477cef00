/** Another organisation, as the platform founds one: with an owner of its own, a key and credit. */
import type { Tandem } from "@tandem/libs/testing";
import { z } from "zod";

export interface SecondTenant {
  readonly apiKey: string;
}

const founded = z.object({ id: z.string(), invitation_token: z.string() });
const session = z.object({ csrf_token: z.string() });
const madeKey = z.object({ secret: z.string() });
const password = "a long pass phrase of nobody";

/** It may make so many calls a second, and has credit for all of them. */
export async function foundTenant(
  tandem: Tandem,
  { name, callsPerSecond }: { readonly name: string; readonly callsPerSecond: number },
): Promise<SecondTenant> {
  const platform = { authorization: `Bearer ${tandem.adminKey}` };
  const email = `${name}@example.com`;
  let posts = 0;
  const post = async (path: string, headers: Headers, body: object): Promise<Response> => {
    posts += 1;
    const response = await fetch(tandem.adminUrl + path, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        "idempotency-key": `${name}-${posts}`,
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const { id, invitation_token: token } = founded.parse(
    await (await post("/organisations", platform, { name, owner_email: email })).json(),
  );
  await post("/invitations/accept", {}, { token, name, password });
  const signedIn = await post("/sessions", {}, { email, password });
  const owner = {
    cookie: signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "",
    "x-tandem-csrf": session.parse(await signedIn.json()).csrf_token,
    "sec-fetch-site": "same-origin",
  };
  const secretOf = async (body: object): Promise<string> =>
    madeKey.parse(await (await post("/keys", owner, body)).json()).secret;
  const admin = await secretOf({ name: "of its owner", owner: "nobody", scopes: ["admin"] });
  const own = { authorization: `Bearer ${admin}` };
  await post("/limits", own, { kind: "requests", amount: callsPerSecond, window_seconds: 1 });
  const credit = { amount: "1000", reason: "for its calls", organisation_id: id };
  await post("/credits", platform, credit);
  return { apiKey: await secretOf({ name: "for calls", owner: "nobody" }) };
}

type Headers = Readonly<Record<string, string>>;
