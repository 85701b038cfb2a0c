// A whole wave's calls, by the types that openapi-typescript generates and openapi-fetch. Each request of the person is
// proved with the device's key (RFC 9449), and each of the partner is signed as docs/partners.md describes it.
import { createHash, createHmac, randomUUID, webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./openapi.js";

const url = process.argv[2] ?? "";
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Ask what the API does not do: the time, a code out of the mail, the work of administrators. */
async function stage<T = null>(...asked: unknown[]): Promise<T> {
  console.log(JSON.stringify(asked));
  return JSON.parse((await lines.next()).value);
}

const now = async () => new Date(await stage<string>("now"));

/** What was asked for, and no refusal. */
function given<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(`refused: ${answer.error?.code}`);
  return answer.data;
}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

const encoded = (text: string | Buffer | ArrayBuffer) => Buffer.from(text as string).toString("base64url");
const device = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);

type Opened = components["schemas"]["SessionOpened"];

/** The requests of the device, and once it is signed in with the token, of which it has another before it expires. */
function proving(opened?: Opened): Middleware {
  let token = opened?.access_token;
  let renewedAt = 0;
  return {
    async onRequest({ request }) {
      const iat = Math.floor((await now()).getTime() / 1000);
      renewedAt ||= iat;
      if (opened?.refresh_token && iat > renewedAt + opened.expires_in_s / 2) {
        const body = { refresh_token: opened.refresh_token };
        token = given(await client(proving()).POST("/sessions/refreshes", { body })).access_token;
        renewedAt = iat;
      }
      const { kty, crv, x, y } = await webcrypto.subtle.exportKey("jwk", device.publicKey);
      const claims: Record<string, unknown> = { jti: randomUUID(), htm: request.method, htu: request.url.split("?")[0], iat };
      if (token) {
        claims.ath = createHash("sha256").update(token).digest("base64url");
        request.headers.set("Authorization", `Bearer ${token}`);
      }
      const header = { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } };
      const text = `${encoded(JSON.stringify(header))}.${encoded(JSON.stringify(claims))}`;
      const signed = await webcrypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, device.privateKey, Buffer.from(text));
      request.headers.set("DPoP", `${text}.${encoded(signed)}`);
      return request;
    },
  };
}

function signing(partner: string, key: string): Middleware {
  const percent = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return {
    async onRequest({ request }) {
      const { pathname, searchParams } = new URL(request.url);
      const query = [...searchParams].map(([name, value]) => `${percent(name)}=${percent(value)}`).sort().join("&");
      const timestamp = String(Math.floor((await now()).getTime() / 1000));
      const body = createHash("sha256").update(Buffer.from(await request.clone().arrayBuffer())).digest("hex");
      const text = ["gelombang1", request.method, pathname, query, timestamp, body].join("\n");
      request.headers.set("Gelombang-Partner", partner);
      request.headers.set("Gelombang-Timestamp", timestamp);
      request.headers.set("Gelombang-Signature", createHmac("sha256", Buffer.from(key, "hex")).update(text).digest("hex"));
      return request;
    },
  };
}

function client(...middleware: Middleware[]) {
  const made = createClient<paths>({ baseUrl: url });
  made.use(...middleware);
  return made;
}

interface Person {
  email: string;
  form: components["schemas"]["RegistrationForm"];
  address: components["schemas"]["FinancialAddressForm"];
}

const anybody = client();
const person = await stage<Person>("person");

// Sign in, register, join
const started = given(await anybody.POST("/sign-ins", { body: { contact: person.email } }));
const code = { sign_in_id: started.sign_in_id, secret: started.secret, code: await stage<string>("code", person.email) };
const opened = given(await client(proving()).POST("/sessions", { body: { code } }));
must(opened.refresh_token !== null, "a session with a key has a refresh token");
const me = client(proving(opened));
given(await me.PUT("/me/registration", { body: person.form }));
const number = await stage<number>("open");
must(given(await me.GET("/me")).may_join, "may join");
const receipt = given(await me.POST("/waves/current/entries"));
given(await me.PUT("/me/financial-address", { body: person.address }));
const partner = client(signing(...(await stage<[string, string]>("partner"))));

// The draw
await stage("draw", number);
const [entry] = given(await me.GET("/me/entries")).entries;
must(entry?.standing === "chosen" && entry.receipt.leaf === receipt.leaf, "chosen");
const wave = given(await anybody.GET("/waves/{number}", { params: { path: { number } } }));
const asked = { path: { number, leaf: receipt.leaf }, query: { region: receipt.region } };
const proof = given(await anybody.GET("/waves/{number}/entries/{leaf}/proof", { params: asked }));
must(proof.entries === wave.entries && wave.chosen === 1, "on the list");

// The training
const [course] = given(await anybody.GET("/courses", { params: { query: { limit: 1 } } })).courses;
must(course !== undefined, "a course");
const bought = given(await me.POST("/me/trainings", { body: { course_id: course.course_id } }));
const { beneficiary } = given(await me.GET("/me"));
must(beneficiary !== null, "a place");
const shown = { redeem_code: bought.redeem_code, card_number: beneficiary.card_number };
given(await partner.POST("/partners/redemptions/validations", { body: shown }));
await stage("wait", 1); // a signature is good once, and for a second
given(await partner.POST("/partners/redemptions", { body: shown }));
const { redeem_code } = bought;
const attended_at = (await now()).toISOString();
given(await partner.POST("/partners/training-attendances", { body: { redeem_code, attended_at } }));
await stage("wait", 3600 * course.hours);
const completed = { redeem_code, certificate_number: "S-1", completed_at: (await now()).toISOString() };
given(await partner.POST("/partners/training-completions", { body: completed }));
const reviewed = { params: { path: { training_id: bought.training_id } }, body: { rating: 9, text: "Bermanfaat." } };
given(await me.POST("/me/trainings/{training_id}/review", reviewed));
must(given(await me.GET("/me/trainings")).trainings[0]?.state === "COMPLETED", "completed");

// The money, and the survey after it
await stage("pay");
must(given(await me.GET("/me/payouts")).payouts[0]?.state === "paid", "paid");
await stage("surveys");
const [survey] = given(await me.GET("/me/surveys")).surveys;
must(survey !== undefined, "a survey");
const answers: components["schemas"]["ResponseForm"]["answers"] = {};
for (const question of survey.questions) answers[question.id] = await stage("answer", question);
const survey_id = { path: { survey_id: survey.survey_id } };
given(await me.POST("/me/surveys/{survey_id}/response", { params: survey_id, body: { answers } }));

// A job, a complaint, and what anybody may read
const vacancy = {
  title: "Pengembang web", employer: "CV Contoh Karya", province: null, skills: ["programming"],
  salary_min_idr: 3_000_000, salary_max_idr: 5_000_000, reference: "V-1",
  closes_at: new Date((await now()).getTime() + 20 * 86_400_000).toISOString(),
};
const { vacancy_id } = given(await partner.POST("/partners/vacancies", { body: vacancy }));
must(given(await me.GET("/me/job-matches")).matches[0]?.vacancy.vacancy_id === vacancy_id, "a match");
given(await me.POST("/me/job-applications", { body: { vacancy_id, share: ["name", "phone", "certificates"] } }));
const page = { params: { path: { vacancy_id }, query: { limit: 5 } } };
const { applicants } = given(await partner.GET("/partners/vacancies/{vacancy_id}/applicants", page));
must(applicants[0]?.certificates[0]?.certificate_number === "S-1", "an applicant");
const about = { kind: "selection", wave: number } as const;
given(await me.POST("/me/grievances", { body: { about, category: "selection_result", text: "Kenapa?" } }));
given(await anybody.GET("/references/{list_name}", { params: { path: { list_name: "skills" } } }));
given(await anybody.GET("/statistics"));
process.exit(0);
