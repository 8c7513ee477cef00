import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { asPerson, type UsersHouse } from "../users-house.suite.ts";

export function organisationSuite(house: () => UsersHouse): void {
  let count = 0;
  const organisation = async (): Promise<string> => {
    count += 1;
    const request = { name: `Org ${count}`, idempotencyKey: `org-${count}` };
    return (await house().first.createOrganisation(request)).id;
  };

  describe("organisations", () => {
    test("made once for an idempotency key, even by many at once", async () => {
      const request = { name: " Example ", idempotencyKey: "same" };
      const { first, second } = house();
      const made = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          (index % 2 ? first : second).createOrganisation(request),
        ),
      );
      assert.equal(new Set(made.map(({ id }) => id)).size, 1);
      assert.equal(made[0]?.name, "Example");
      const call = first.createOrganisation(request, asPerson("org_x"));
      assert.equal(await refusalOf(call), "users.platform_only");
      const nameless = first.createOrganisation({ name: " " });
      assert.equal(await refusalOf(nameless), "users.malformed");
    });

    test("another organisation does not exist, for reading or for writing", async () => {
      const [own, other] = [await organisation(), await organisation()];
      const { first } = house();
      assert.equal((await first.getOrganisation({ id: own }, asPerson(own))).id, own);
      const read = first.getOrganisation({ id: other }, asPerson(own));
      assert.equal(await refusalOf(read), "users.organisation_not_found");
      const write = first.updateOrganisation(
        { organisation: { id: other, name: "mine now" } },
        asPerson(own),
      );
      assert.equal(await refusalOf(write), "users.organisation_not_found");
      const missing = first.getOrganisation({ id: "org_none" });
      assert.equal(await refusalOf(missing), "users.organisation_not_found");
    });

    test("of two changes made from one version the second is refused", async () => {
      const id = await organisation();
      const { first, second } = house();
      const rename = (client: typeof first, name: string) =>
        refusalOf(
          client.updateOrganisation(
            { organisation: { id, name }, expectedVersion: 1n },
            asPerson(id),
          ),
        );
      const answers = await Promise.all([rename(first, "one"), rename(second, "two")]);
      assert.deepEqual(new Set(answers), new Set(["none", "users.version_mismatch"]));
      assert.equal((await first.getOrganisation({ id })).version, 2n);
      const anyVersion = first.updateOrganisation(
        { organisation: { id, name: "x" } },
        asPerson(id),
      );
      assert.equal(await refusalOf(anyVersion), "none");
    });

    test("who may only look changes nothing", async () => {
      const id = await organisation();
      const viewer = asPerson(id, { roles: ["viewer"] });
      const change = { organisation: { id, name: "x" } };
      const call = house().first.updateOrganisation(change, viewer);
      assert.equal(await refusalOf(call), "users.permission_missing");
      const project = house().first.createProject({ organisationId: id, name: "x" }, viewer);
      assert.equal(await refusalOf(project), "users.permission_missing");
    });
  });

  describe("projects", () => {
    test("made once for an idempotency key; listed newest first, in pages", async () => {
      const id = await organisation();
      const { first, second } = house();
      const create = (client: typeof first, name: string, idempotencyKey = "") =>
        client.createProject({ organisationId: id, name, idempotencyKey }, asPerson(id));
      const one = await create(first, "one", "k");
      assert.equal((await create(second, "one", "k")).id, one.id);
      const two = await create(first, "two");
      const three = await create(first, "three");
      const page = await second.listProjects({ organisationId: id, limit: 2 }, asPerson(id));
      assert.deepEqual(
        page.projects.map((project) => project.id),
        [three.id, two.id],
      );
      assert.ok(page.hasMore);
      const rest = { organisationId: id, limit: 2, after: two.id };
      const last = await second.listProjects(rest, asPerson(id));
      assert.deepEqual(
        [last.projects.map((project) => project.id), last.hasMore],
        [[one.id], false],
      );
    });

    test("renamed, archived, and brought back; each from the version before", async () => {
      const id = await organisation();
      const { first } = house();
      const made = await first.createProject({ organisationId: id, name: "p" }, asPerson(id));
      const update = (change: object, expectedVersion: bigint) =>
        first.updateProject({ project: { ...made, ...change }, expectedVersion }, asPerson(id));
      const archived = await update({ archivedAtMs: 1n }, 1n);
      assert.ok(archived.archivedAtMs > 1n, "the service's own time");
      assert.equal((await update({ name: "q", archivedAtMs: 0n }, 2n)).archivedAtMs, 0n);
      assert.equal(await refusalOf(update({}, 2n)), "users.version_mismatch");
      assert.equal(await refusalOf(update({ name: "" }, 3n)), "users.malformed");
    });

    test("another organisation's project does not exist", async () => {
      const [own, other] = [await organisation(), await organisation()];
      const { first } = house();
      const foreign = await first.createProject({ organisationId: other, name: "p" });
      const get = (organisationId: string) =>
        refusalOf(first.getProject({ organisationId, id: foreign.id }, asPerson(own)));
      assert.equal(await get(other), "users.project_not_found");
      assert.equal(await get(own), "users.project_not_found");
      const grab = { project: { ...foreign, organisationId: own } };
      const update = first.updateProject(grab, asPerson(own));
      assert.equal(await refusalOf(update), "users.project_not_found");
      const list = first.listProjects({ organisationId: other }, asPerson(own));
      assert.equal(await refusalOf(list), "users.organisation_not_found");
      const create = first.createProject({ organisationId: other, name: "p" }, asPerson(own));
      assert.equal(await refusalOf(create), "users.organisation_not_found");
      const nowhere = first.createProject({ organisationId: "org_none", name: "p" });
      assert.equal(await refusalOf(nowhere), "users.organisation_not_found");
    });
  });
}
